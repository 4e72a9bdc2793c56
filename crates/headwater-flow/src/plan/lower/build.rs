//! The walk over plans: one relation a node, from the scans up.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::{DataFusionError, Result as PlanResult};
use datafusion_expr::logical_plan::SubqueryAlias;
use datafusion_expr::{Extension, LogicalPlan, Projection};

use super::expr::unsupported;
use super::relation::{Calcs, Relation};
use super::scan::Scan;
use super::source::find_scans;
use super::spec::{Emit, Lowered, OutputPlan, PlanOptions};
use super::usage::Uses;
use crate::circuit::{EpochClock, Feed, KeyedNode, Port, Producer};
use crate::error::Result;
use crate::operator::Operator;
use crate::plan::measure::{Measure, Measured};
use crate::plan::{ExplainNode, WindowNode};

/// Lowers the outputs of one pipeline into one circuit; tables that several of them scan are read once.
///
/// # Errors
/// `Unsupported` for constructs that continuous queries do not have yet, naming them; `Invalid` for plans that
/// make no sense.
pub fn lower(plans: &[OutputPlan], options: &PlanOptions) -> Result<Lowered> {
    lower_as(plans, options, false)
}

/// As [`lower`], with operators that are measured: [`ExplainNode::measure`].
///
/// # Errors
/// As [`lower`].
pub fn lower_measured(plans: &[OutputPlan], options: &PlanOptions) -> Result<Lowered> {
    lower_as(plans, options, true)
}

fn lower_as(plans: &[OutputPlan], options: &PlanOptions, measure: bool) -> Result<Lowered> {
    let clock = EpochClock::default();
    let mut scans = Vec::new();
    for output in plans {
        find_scans(&output.plan, &mut scans)?;
    }
    let first = Builder::run(plans, options, &clock, scans, false)?;
    let narrowed = first.scans.iter().zip(&first.calcs.uses);
    let narrowed = narrowed
        .map(|(s, used)| s.narrowed(used, first.timed))
        .collect::<PlanResult<Vec<_>>>()?;
    let second = Builder::run(plans, options, &clock, narrowed, measure)?;
    Ok(second.finish(plans, options)?)
}

/// One walk over all plans.
pub(super) struct Builder<'a> {
    pub(super) options: &'a PlanOptions,
    pub(super) calcs: Calcs<'a>,
    pub(super) scans: Vec<Scan>,
    pub(super) nodes: Vec<KeyedNode>,
    pub(super) outputs: Vec<Relation>,
    /// When the present output's windows emit.
    pub(super) emit: Emit,
    /// Whether anything needs watermarks.
    pub(super) timed: bool,
    /// The inputs whose rows are judged late.
    pub(super) judged: BTreeSet<usize>,
}

impl<'a> Builder<'a> {
    fn run(
        plans: &[OutputPlan],
        options: &'a PlanOptions,
        clock: &'a EpochClock,
        scans: Vec<Scan>,
        measure: bool,
    ) -> PlanResult<Self> {
        let uses = scans
            .iter()
            .map(|s| Uses::none(s.columns().len()))
            .collect();
        let mut builder = Self {
            options,
            calcs: Calcs {
                clock,
                uses,
                measure,
            },
            scans,
            nodes: Vec::new(),
            outputs: Vec::new(),
            emit: Emit::OnClose,
            timed: false,
            judged: BTreeSet::new(),
        };
        for output in plans {
            builder.emit = output.emit;
            let relation = builder.relation(&output.plan)?;
            let relation = builder.output(relation, output)?;
            builder.outputs.push(relation);
        }
        Ok(builder)
    }

    /// Adds a keyed node.
    pub(super) fn node(
        &mut self,
        name: String,
        ports: Vec<Port>,
        shards: usize,
        explained: &mut ExplainNode,
        make: impl Fn() -> Result<Box<dyn Operator>>,
    ) -> PlanResult<Feed> {
        let mut shards = (0..shards)
            .map(|_| make())
            .collect::<Result<Vec<_>>>()
            .map_err(external)?;
        if self.calcs.measure {
            let measure: Arc<Measure> = Arc::default();
            explained.measure = Some(Arc::clone(&measure));
            let measured = |inner| Measured::new(inner, Arc::clone(&measure));
            let all = shards.into_iter().map(measured);
            shards = all.map(|m| Box::new(m) as Box<dyn Operator>).collect();
        }
        self.nodes.push(KeyedNode {
            name,
            ports,
            shards,
        });
        Ok(Feed {
            from: Producer::Node(self.nodes.len() - 1),
            chain: Vec::new(),
            columns: Vec::new(),
        })
    }

    /// The shards of an operator with these keys: one if all rows belong together.
    pub(super) fn shards(&self, keys: &[usize]) -> usize {
        if keys.is_empty() {
            1
        } else {
            self.options.shards
        }
    }

    pub(super) fn relation(&mut self, plan: &LogicalPlan) -> PlanResult<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, schema, .. }) => {
                Ok(self.relation(input)?.renamed(Arc::clone(schema)))
            }
            LogicalPlan::Projection(Projection {
                expr,
                input,
                schema,
                ..
            }) => {
                let relation = self.relation(input)?;
                let (relation, exprs) = self.with_watermark(relation, expr)?;
                relation.project(&exprs, Arc::clone(schema), &mut self.calcs)
            }
            LogicalPlan::Filter(filter) => {
                let relation = self.relation(&filter.input)?;
                let predicate = std::slice::from_ref(&filter.predicate);
                let (relation, predicate) = self.with_watermark(relation, predicate)?;
                relation.filter(&predicate[0], &mut self.calcs)
            }
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Extension(Extension { node }) => {
                match node.as_any().downcast_ref::<WindowNode>() {
                    Some(window) => self.window(window),
                    None => Err(unsupported(node.name())),
                }
            }
            LogicalPlan::Join(_) => Err(unsupported("a join")),
            LogicalPlan::Sort(_) => Err(unsupported("ORDER BY")),
            LogicalPlan::Limit(_) => Err(unsupported("LIMIT")),
            LogicalPlan::Window(_) => Err(unsupported("OVER")),
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                Err(unsupported("a query without a table"))
            }
            LogicalPlan::Unnest(unnest) => self.unnest(unnest),
            other => Err(unsupported(&format!("{}", other.display()))),
        }
    }
}

pub(super) fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}
