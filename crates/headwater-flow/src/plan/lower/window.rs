//! Window table functions: fused with the aggregate that groups by their columns, or as rows of their own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datafusion_common::Result;
use datafusion_expr::Expr;
use datafusion_expr::logical_plan::Aggregate;

use super::aggregate::{Columns, calls, describe, explained, narrowed, output_schema, widened};
use super::build::{Builder, external};
use super::expr::{numbered, substitute};
use super::relation::{Facts, Relation, RowWindows};
use super::spec::Emit;
use super::windowed::{Windowed, added_columns, role};
use crate::circuit::Port;
use crate::operator::{
    AggregateCall, Exchange, Operator, WindowAggregate, WindowAggregateSpec, WindowAssign,
    WindowColumn, WindowMode,
};
use crate::plan::{ExplainNode, WindowNode, WindowSpec};

/// What an aggregate over windows is made of.
pub(super) struct WindowParts {
    /// Which windows; `None`: those that the rows carry.
    pub(super) window: Option<WindowSpec>,
    /// The group columns.
    pub(super) roles: Vec<WindowColumn>,
    /// The time, the keys, and what the calls read.
    pub(super) columns: Columns,
    pub(super) calls: Vec<AggregateCall>,
    pub(super) lateness: Duration,
    pub(super) processing_time: bool,
}

/// Stands for windows that rows carry.
const ATTACHED: WindowSpec = WindowSpec::Tumble { size: 0, offset: 0 };

impl WindowParts {
    fn keys(&self) -> Vec<usize> {
        let keys = self
            .roles
            .iter()
            .filter(|r| matches!(r, WindowColumn::Key(_)));
        (1..=keys.count()).collect()
    }

    fn describe(&self) -> String {
        match &self.window {
            Some(window) => format!("{window:?}"),
            None => "the windows of its rows".to_owned(),
        }
    }

    /// The windows, and by which time.
    fn shown(&self, names: &[String]) -> String {
        let Some(window) = &self.window else {
            return "those that its rows are in".to_owned();
        };
        let clock = if self.processing_time {
            ", processing time"
        } else {
            ""
        };
        let time = names.first().map(|n| format!(" on {n}"));
        format!("{window}{}{clock}", time.unwrap_or_default())
    }
}

/// The columns of `input` and those that `window` adds.
pub(super) fn window_columns(input: &Relation, window: &WindowNode) -> SchemaRef {
    let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
    let base = input.base.fields();
    let added = schema.fields().iter().skip(base.len());
    let fields = base.iter().chain(added);
    numbered(fields.map(|f| (f.data_type().clone(), f.is_nullable())))
}

pub(super) fn micros(time: Duration) -> i64 {
    i64::try_from(time.as_micros()).unwrap_or(i64::MAX)
}

impl Builder<'_> {
    /// A window table function and the aggregate above it as one operator.
    pub(super) fn window_aggregate(
        &mut self,
        aggregate: &Aggregate,
        windowed: &Windowed<'_>,
    ) -> Result<Relation> {
        let window = windowed.window;
        let mut input = self.relation(&window.input)?;
        for predicate in &windowed.predicates {
            input = input.filter(predicate, &mut self.calcs)?;
        }
        let below = |e: &Expr| input.over_base(e);
        let over = |e: &Expr| {
            below(&substitute(
                e.clone(),
                aggregate.input.schema(),
                &windowed.columns,
            )?)
        };
        let added = added_columns(window);
        let time = below(&Expr::Column(window.time_column.clone()))?;
        let processing_time = input.is_processing_time(&time);
        let mut columns = Columns::default();
        columns.exprs.push(time);
        let mut roles = Vec::with_capacity(windowed.groups.len());
        for group in &windowed.groups {
            roles.push(match role(group, &added) {
                Some(role) => role,
                None => {
                    columns.exprs.push(below(group)?);
                    WindowColumn::Key(columns.exprs.len() - 2)
                }
            });
        }
        let calls = calls(aggregate, &over, &mut columns)?;
        self.need_time(&input.facts, processing_time)?;
        let parts = WindowParts {
            window: Some(window.spec.clone()),
            roles,
            columns,
            calls,
            lateness: input.facts.lateness,
            processing_time,
        };
        self.add_window_aggregate(aggregate, input, parts)
    }

    /// The operator of an aggregate over windows.
    pub(super) fn add_window_aggregate(
        &mut self,
        aggregate: &Aggregate,
        input: Relation,
        mut parts: WindowParts,
    ) -> Result<Relation> {
        let schema = input.output(&parts.columns.exprs)?;
        let append_only = input.facts.updating.is_none();
        let input = input.compute(&parts.columns.exprs, Arc::clone(&schema), &mut self.calcs)?;
        parts.calls = widened(parts.calls, &schema);
        let output = output_schema(&aggregate.schema, &parts.calls);
        let keys = parts.keys();
        let shards = self.shards(&keys);
        let exchange = Exchange::new(&schema, keys.clone(), shards).map_err(external)?;
        let windows = parts.describe();
        let mut explained = explained("WindowAggregate", aggregate, shards)
            .with("windows", parts.shown(&input.names))
            .with("emits", self.emission())
            .with("state", "the windows that are open");
        let facts = self.window_facts(input.facts, &parts);
        let attached = parts.window.is_none();
        let ordered = matches!(parts.window, Some(WindowSpec::Session { .. }));
        let spec = WindowAggregateSpec {
            window: parts.window.unwrap_or(ATTACHED),
            time: 0,
            keys,
            input: schema,
            calls: parts.calls,
            columns: parts.roles,
            output: Arc::clone(&output),
            mode: self.window_mode(),
            allowed_lateness: micros(parts.lateness),
            append_only,
            processing_time: parts.processing_time,
        };
        let make = || -> crate::error::Result<Box<dyn Operator>> {
            Ok(Box::new(match attached {
                true => WindowAggregate::attached(spec.clone())?,
                false => WindowAggregate::new(spec.clone())?,
            }))
        };
        let what = describe("WindowAggregate", aggregate);
        let name = format!("{what} over {windows}, {:?}", self.emit);
        let ports = vec![Port {
            feeds: input.feeds,
            exchange,
            ordered,
        }];
        let feed = self.node(name, ports, shards, &mut explained, make)?;
        let mut relation = Relation::new(feed, output, Arc::clone(&aggregate.schema), facts);
        relation.facts.explain(explained);
        Ok(narrowed(relation))
    }

    /// What is known of the rows of a window aggregate.
    fn window_facts(&self, input: Facts, parts: &WindowParts) -> Facts {
        let ends = parts.roles.iter().enumerate();
        let ends = ends.filter(|(_, role)| **role == WindowColumn::End);
        Facts {
            inputs: input.inputs,
            explain: input.explain,
            key: Some((0..parts.roles.len()).collect()),
            updating: self.window_updates(),
            windows: RowWindows {
                ends: ends.map(|(i, _)| i).collect(),
                by_clock: parts.processing_time,
            },
            ..Facts::default()
        }
    }

    /// When windows come out.
    pub(super) fn emission(&self) -> &'static str {
        match self.emit {
            Emit::OnClose => "a window once, when the watermark has closed it",
            Emit::Changes => "every change of a window",
        }
    }

    pub(super) fn window_mode(&self) -> WindowMode {
        match self.emit {
            Emit::OnClose => WindowMode::OnClose,
            Emit::Changes => WindowMode::Updating,
        }
    }

    /// Why windows retract rows, if they do.
    pub(super) fn window_updates(&self) -> Option<String> {
        let why = "a window that shows its present state (EMIT CHANGES)";
        (self.emit == Emit::Changes).then(|| why.to_owned())
    }

    /// A window function whose rows are not grouped by it: one row a window.
    pub(super) fn window(&mut self, window: &WindowNode) -> Result<Relation> {
        if let WindowSpec::Session { gap, partition_by } = &window.spec {
            return self.session_rows(window, *gap, partition_by);
        }
        let input = self.relation(&window.input)?.flush(&mut self.calcs)?;
        let time = input.schema.index_of_column(&window.time_column)?;
        let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
        let output = window_columns(&input, window);
        let assign =
            WindowAssign::new(&window.spec, time, Arc::clone(&output)).map_err(external)?;
        let by_clock = input.facts.processing_time.contains(&time);
        let clock = if by_clock { ", processing time" } else { "" };
        let windows = format!("{} on {}{clock}", window.spec, window.time_column.name);
        let mut explained = ExplainNode::new("Window").with("windows", windows);
        let assign = self.calcs.measured(Arc::new(assign), &mut explained);
        let mut relation = input;
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&assign));
        }
        relation.facts.key = None;
        relation.facts.windows = RowWindows {
            ends: BTreeSet::from([output.fields().len() - 2]),
            by_clock,
        };
        relation.facts.explain(explained);
        let fields = schema.fields().iter();
        relation.names = fields.map(|f| f.name().clone()).collect();
        relation.exprs = (0..output.fields().len())
            .map(super::expr::column)
            .collect();
        relation.base = output;
        Ok(relation.renamed(Arc::clone(schema)))
    }

    /// Notes that rows of `facts` need watermarks, and checks that they have some.
    pub(super) fn need_time(&mut self, facts: &Facts, processing_time: bool) -> Result<()> {
        self.timed = true;
        if processing_time {
            return Ok(());
        }
        for input in &facts.inputs {
            let def = &self.scans[*input].def;
            if def.watermark.is_none() {
                return Err(datafusion_common::DataFusionError::Plan(format!(
                    "table '{}' has no watermark, so its windows would never close; add WATERMARK FOR to it",
                    def.name
                )));
            }
            self.judged.insert(*input);
        }
        Ok(())
    }
}
