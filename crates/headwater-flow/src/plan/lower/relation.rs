//! A relation on its way through the lowering: feeds, and what is still to be done to their rows.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{Column, DFSchemaRef, Result};
use datafusion_expr::Expr;

use super::expr::{calc, column, column_index, is_leaf, is_of_base, numbered, substitute, type_of};
use super::usage::Uses;
use crate::circuit::{EpochClock, Feed};
use crate::operator::Stateless;
use crate::plan::ExplainNode;
use crate::plan::explain::{readable, shown_with};
use crate::plan::measure::Measured;

/// Rows of some feeds, filtered by `predicate`, of which `exprs` are computed.
///
/// Invariants: `predicate` and `exprs` are over the numbered columns of `base`; there is one expression a field of
/// `schema`.
#[derive(Debug, Clone)]
pub(super) struct Relation {
    pub(super) feeds: Vec<Feed>,
    pub(super) base: SchemaRef,
    /// What the columns of `base` are called, for people.
    pub(super) names: Vec<String>,
    pub(super) predicate: Option<Expr>,
    pub(super) exprs: Vec<Expr>,
    /// Names and qualifiers of the columns.
    pub(super) schema: DFSchemaRef,
    pub(super) facts: Facts,
}

/// What is known of a relation's rows.
#[derive(Debug, Clone, Default)]
pub(super) struct Facts {
    /// The operator because of which it retracts rows.
    pub(super) updating: Option<String>,
    /// Columns that identify a row of the present state.
    pub(super) key: Option<Vec<usize>>,
    /// The inputs that its rows come from.
    pub(super) inputs: BTreeSet<usize>,
    /// Columns of `base` that hold processing time.
    pub(super) processing_time: BTreeSet<usize>,
    /// The windows that the rows carry.
    pub(super) windows: RowWindows,
    /// How late rows may be. An aggregate over windows grants that; what comes of it is in time.
    pub(super) lateness: Duration,
    /// The operators that made it.
    pub(super) explain: Vec<ExplainNode>,
}

/// The windows that rows carry because a window operator made them.
#[derive(Debug, Clone, Default)]
pub(super) struct RowWindows {
    /// Columns of `base` that hold the end of a row's window.
    pub(super) ends: BTreeSet<usize>,
    /// The clock closes them.
    pub(super) by_clock: bool,
}

impl Facts {
    /// Puts an operator above what there is.
    pub(super) fn explain(&mut self, mut node: ExplainNode) {
        node.inputs = std::mem::take(&mut self.explain);
        self.explain = vec![node];
    }
}

impl Relation {
    /// The rows of `feed` as they come.
    pub(super) fn new(feed: Feed, base: SchemaRef, schema: DFSchemaRef, facts: Facts) -> Self {
        let exprs = (0..base.fields().len()).map(column).collect();
        let names = schema.fields().iter().map(|f| readable(f.name()));
        let names: Vec<String> = names.collect();
        let columns = names.clone();
        Self {
            feeds: vec![Feed { columns, ..feed }],
            names,
            base,
            predicate: None,
            exprs,
            schema,
            facts,
        }
    }

    /// `expr` over the columns of the relation as an expression over `base`.
    pub(super) fn over_base(&self, expr: &Expr) -> Result<Expr> {
        substitute(expr.clone(), &self.schema, &self.exprs)
    }

    /// Whether `expr` would compute something expensive more often than once.
    fn repeats(&self, exprs: &[Expr]) -> Result<bool> {
        let mut seen = vec![0_usize; self.exprs.len()];
        for expr in exprs {
            expr.apply(|e| {
                if let Expr::Column(c) = e
                    && !is_of_base(c)
                {
                    seen[self.schema.index_of_column(c)?] += 1;
                }
                Ok(TreeNodeRecursion::Continue)
            })?;
        }
        Ok(self
            .exprs
            .iter()
            .zip(seen)
            .any(|(e, n)| n > 1 && !is_leaf(e)))
    }

    /// Keeps the rows for which `predicate` is true.
    pub(super) fn filter(mut self, predicate: &Expr, cx: &mut Calcs<'_>) -> Result<Self> {
        if self.exprs.iter().any(|e| !is_leaf(e)) {
            self = self.flush(cx)?;
        }
        let predicate = self.over_base(predicate)?;
        self.predicate = Some(match self.predicate.take() {
            Some(first) => first.and(predicate),
            None => predicate,
        });
        Ok(self)
    }

    /// Computes `exprs` as the columns of `schema`.
    pub(super) fn project(
        mut self,
        exprs: &[Expr],
        schema: DFSchemaRef,
        cx: &mut Calcs<'_>,
    ) -> Result<Self> {
        if self.repeats(exprs)? {
            self = self.flush(cx)?;
        }
        let projected = exprs
            .iter()
            .map(|e| self.over_base(e))
            .collect::<Result<Vec<_>>>()?;
        self.facts.key = self.facts.key.take().and_then(|key| {
            let of = |k: usize| projected.iter().position(|e| *e == self.exprs[k]);
            key.into_iter().map(of).collect()
        });
        self.exprs = projected;
        self.schema = schema;
        Ok(self)
    }

    /// Does what is pending: one operator, after which the relation's columns are those of `base`.
    pub(super) fn flush(self, cx: &mut Calcs<'_>) -> Result<Self> {
        let exprs = self.exprs.clone();
        let output = self.output(&exprs)?;
        let processing_time = self.processing_time_columns();
        let ends = &self.facts.windows.ends;
        let is_end = |e: &Expr| match e {
            Expr::Column(c) => column_index(c).is_some_and(|i| ends.contains(&i)),
            _ => false,
        };
        let kept = exprs.iter().enumerate().filter(|(_, e)| is_end(e));
        let ends = kept.map(|(i, _)| i).collect();
        let mut flushed = self.compute(&exprs, output, cx)?;
        flushed.facts.processing_time = processing_time;
        flushed.facts.windows.ends = ends;
        Ok(flushed)
    }

    /// The numbered schema of `exprs` over `base`.
    pub(super) fn output(&self, exprs: &[Expr]) -> Result<SchemaRef> {
        let types = exprs
            .iter()
            .map(|e| type_of(e, &self.base))
            .collect::<Result<Vec<_>>>()?;
        Ok(numbered(types))
    }

    /// Runs the predicate and computes `exprs` (over `base`) as the columns of `output`. The names of the relation's
    /// columns are kept if their number fits.
    pub(super) fn compute(
        mut self,
        exprs: &[Expr],
        output: SchemaRef,
        cx: &mut Calcs<'_>,
    ) -> Result<Self> {
        cx.note(&self, exprs)?;
        if let Some(calc) = calc(
            &self.base,
            self.predicate.as_ref(),
            exprs,
            &output,
            cx.clock,
        )? {
            let mut node = self.explained(exprs);
            let calc = cx.measured(Arc::new(calc), &mut node);
            for feed in &mut self.feeds {
                feed.chain.push(Arc::clone(&calc));
            }
            self.facts.explain(node);
        }
        self.names = self.names_of(exprs);
        self.predicate = None;
        self.exprs = (0..exprs.len()).map(column).collect();
        self.base = output;
        Ok(self)
    }

    /// `expr` over `base` as people write it.
    pub(super) fn shown(&self, expr: &Expr) -> String {
        let name = |c: &Column| column_index(c).and_then(|i| self.names.get(i).cloned());
        shown_with(expr, &name)
    }

    /// The names of columns that `exprs` are computed as: those of the relation's, if it has as many.
    fn names_of(&self, exprs: &[Expr]) -> Vec<String> {
        let fields = self.schema.fields();
        match self.exprs == exprs && fields.len() == exprs.len() {
            true => fields.iter().map(|f| readable(f.name())).collect(),
            false => exprs.iter().map(|e| self.shown(e)).collect(),
        }
    }

    /// A `Calc` that computes `exprs`.
    fn explained(&self, exprs: &[Expr]) -> ExplainNode {
        let named = exprs.iter().zip(self.names_of(exprs));
        let named = named.map(|(expr, name)| {
            let what = self.shown(expr);
            match what == name {
                true => name,
                false => format!("{what} AS {name}"),
            }
        });
        let predicate = self.predicate.as_ref().map(|p| self.shown(p));
        ExplainNode::new("Calc")
            .with("where", predicate.unwrap_or_default())
            .with("select", named.collect::<Vec<_>>().join(", "))
    }

    /// The columns whose value is processing time.
    fn processing_time_columns(&self) -> BTreeSet<usize> {
        let exprs = self.exprs.iter().enumerate();
        exprs
            .filter(|(_, e)| self.is_processing_time(e))
            .map(|(i, _)| i)
            .collect()
    }

    /// Whether `expr` over `base` is processing time.
    pub(super) fn is_processing_time(&self, expr: &Expr) -> bool {
        match expr {
            Expr::Cast(cast) => self.is_processing_time(&cast.expr),
            Expr::Column(c) => {
                column_index(c).is_some_and(|i| self.facts.processing_time.contains(&i))
            }
            other => super::clock::reads_clock(other),
        }
    }

    /// Gives the columns other names and qualifiers.
    pub(super) fn renamed(mut self, schema: DFSchemaRef) -> Self {
        self.schema = schema;
        self
    }
}

/// What computing needs and leaves behind: the clock, and which columns of the inputs were read.
pub(super) struct Calcs<'a> {
    pub(super) clock: &'a EpochClock,
    pub(super) uses: Vec<Uses>,
    /// Whether operators are measured.
    pub(super) measure: bool,
}

impl Calcs<'_> {
    /// A stateless operator, with its figures in `node` if it is measured.
    pub(super) fn measured(
        &self,
        operator: Arc<dyn Stateless>,
        node: &mut ExplainNode,
    ) -> Arc<dyn Stateless> {
        if !self.measure {
            return operator;
        }
        let measure = Arc::default();
        node.measure = Some(Arc::clone(&measure));
        Arc::new(Measured::new(operator, measure))
    }

    /// Notes what a relation straight from an input reads of it.
    pub(super) fn note(&mut self, relation: &Relation, exprs: &[Expr]) -> Result<()> {
        let index = |c: &Column| column_index(c);
        for feed in relation.feeds.iter().filter(|f| f.chain.is_empty()) {
            if let crate::circuit::Producer::Input(input) = feed.from {
                for expr in exprs.iter().chain(&relation.predicate) {
                    self.uses[input].add(expr, &index)?;
                }
            }
        }
        Ok(())
    }
}
