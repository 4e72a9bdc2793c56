//! Window table functions: fused with the aggregate that groups by their columns, or as rows of their own.

use std::sync::Arc;
use std::time::Duration;

use datafusion_common::{Column, Result};
use datafusion_expr::logical_plan::{Aggregate, SubqueryAlias};
use datafusion_expr::{Expr, Extension, Filter, LogicalPlan, Projection};

use super::aggregate::{Columns, calls, describe, output_schema};
use super::build::{Builder, external};
use super::expr::{substitute, unsupported};
use super::relation::{Facts, Relation};
use super::spec::Emit;
use crate::circuit::Port;
use crate::operator::{
    Exchange, Operator, WindowAggregate, WindowAggregateSpec, WindowAssign, WindowColumn,
    WindowMode,
};
use crate::plan::{WindowNode, WindowSpec};

/// An aggregate that groups by the columns of a window table function below it.
pub(super) struct Windowed<'a> {
    window: &'a WindowNode,
    /// The aggregate's group expressions over the window node's columns.
    groups: Vec<Expr>,
    /// What the aggregate's input columns are over the window node's columns.
    columns: Vec<Expr>,
    /// What the rows are filtered by, over the window node's columns.
    predicates: Vec<Expr>,
}

/// The window that `aggregate` groups by, if there is one and nothing on the way to it needs windowed rows.
pub(super) fn windowed(aggregate: &Aggregate) -> Result<Option<Windowed<'_>>> {
    let mut predicates = Vec::new();
    let Some((window, columns)) = window_below(&aggregate.input, &mut predicates)? else {
        return Ok(None);
    };
    let schema = aggregate.input.schema();
    let groups = aggregate
        .group_expr
        .iter()
        .map(|e| substitute(e.clone(), schema, &columns));
    let groups = groups.collect::<Result<Vec<_>>>()?;
    let added = added_columns(window);
    let by_window = groups.iter().any(|g| role(g, &added).is_some());
    let mixed = groups
        .iter()
        .filter(|g| role(g, &added).is_none())
        .any(|g| reads(g, &added))
        || predicates.iter().any(|p| reads(p, &added));
    let args_mixed = aggregate
        .aggr_expr
        .iter()
        .map(|e| substitute(e.clone(), schema, &columns));
    let args_mixed = args_mixed
        .collect::<Result<Vec<_>>>()?
        .iter()
        .any(|e| reads(e, &added));
    Ok((by_window && !mixed && !args_mixed).then_some(Windowed {
        window,
        groups,
        columns,
        predicates,
    }))
}

/// The window node below projections, filters and aliases, and what `plan`'s columns are over its columns.
fn window_below<'a>(
    plan: &'a LogicalPlan,
    predicates: &mut Vec<Expr>,
) -> Result<Option<(&'a WindowNode, Vec<Expr>)>> {
    match plan {
        LogicalPlan::Extension(Extension { node }) => {
            let Some(window) = node.as_any().downcast_ref::<WindowNode>() else {
                return Ok(None);
            };
            let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
            Ok(Some((
                window,
                schema.columns().into_iter().map(Expr::Column).collect(),
            )))
        }
        LogicalPlan::SubqueryAlias(SubqueryAlias { input, .. }) => window_below(input, predicates),
        LogicalPlan::Projection(Projection { expr, input, .. }) => {
            let Some((window, columns)) = window_below(input, predicates)? else {
                return Ok(None);
            };
            let exprs = expr
                .iter()
                .map(|e| substitute(e.clone(), input.schema(), &columns));
            Ok(Some((window, exprs.collect::<Result<_>>()?)))
        }
        LogicalPlan::Filter(Filter {
            predicate, input, ..
        }) => {
            let Some((window, columns)) = window_below(input, predicates)? else {
                return Ok(None);
            };
            predicates.push(substitute(predicate.clone(), input.schema(), &columns)?);
            Ok(Some((window, columns)))
        }
        _ => Ok(None),
    }
}

/// `window_start`, `window_end` and `window_time` of a node.
fn added_columns(window: &WindowNode) -> Vec<Column> {
    let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
    let columns = schema.columns();
    columns[columns.len() - 3..].to_vec()
}

fn role(expr: &Expr, added: &[Column]) -> Option<WindowColumn> {
    let Expr::Column(column) = expr else {
        return None;
    };
    match added.iter().position(|a| a == column)? {
        0 => Some(WindowColumn::Start),
        1 => Some(WindowColumn::End),
        _ => Some(WindowColumn::Time),
    }
}

fn reads(expr: &Expr, added: &[Column]) -> bool {
    expr.column_refs().into_iter().any(|c| added.contains(c))
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
        let keys: Vec<usize> = (1..columns.exprs.len()).collect();
        self.check_session_keys(window, &keys, &columns, &below)?;
        let calls = calls(aggregate, &over, &mut columns)?;
        self.need_time(&input.facts, processing_time)?;
        let schema = input.output(&columns.exprs)?;
        let append_only = input.facts.updating.is_none();
        let lateness = self.lateness(&input.facts);
        let input = input.compute(&columns.exprs, Arc::clone(&schema), &mut self.calcs)?;
        let output = output_schema(&aggregate.schema);
        let spec = WindowAggregateSpec {
            window: window.spec.clone(),
            time: 0,
            keys: keys.clone(),
            input: Arc::clone(&schema),
            calls,
            columns: roles.clone(),
            output: Arc::clone(&output),
            mode: match self.emit {
                Emit::OnClose => WindowMode::OnClose,
                Emit::Changes => WindowMode::Updating,
            },
            allowed_lateness: i64::try_from(lateness.as_micros()).unwrap_or(i64::MAX),
            append_only,
            processing_time,
        };
        let shards = self.shards(&keys);
        let exchange = Exchange::new(&schema, keys, shards).map_err(external)?;
        let name = format!(
            "{} over {:?}, {:?}",
            describe("WindowAggregate", aggregate),
            window.spec,
            self.emit
        );
        let feed = self.node(
            name.clone(),
            vec![Port {
                feeds: input.feeds.clone(),
                exchange,
            }],
            shards,
            || Ok(Box::new(WindowAggregate::new(spec.clone())?) as Box<dyn Operator>),
        )?;
        let mut facts = Facts {
            inputs: input.facts.inputs,
            explain: input.facts.explain,
            ..Facts::default()
        };
        facts.key = Some((0..roles.len()).collect());
        facts.updating = match self.emit {
            Emit::OnClose => None,
            Emit::Changes => {
                Some("a window that shows its present state (EMIT CHANGES)".to_owned())
            }
        };
        facts.explain(name);
        Ok(Relation::new(
            feed,
            output,
            Arc::clone(&aggregate.schema),
            facts,
        ))
    }

    /// `PARTITION BY` of a session window must be among the keys that are grouped by.
    fn check_session_keys(
        &self,
        window: &WindowNode,
        keys: &[usize],
        columns: &Columns,
        below: &dyn Fn(&Expr) -> Result<Expr>,
    ) -> Result<()> {
        let WindowSpec::Session { partition_by, .. } = &window.spec else {
            return Ok(());
        };
        let grouped: Vec<&Expr> = keys.iter().map(|k| &columns.exprs[*k]).collect();
        let mut partitions = Vec::with_capacity(partition_by.len());
        for column in partition_by {
            partitions.push(below(&Expr::Column(column.clone()))?);
        }
        let fits = partitions.iter().all(|p| grouped.contains(&p))
            && (partitions.is_empty() || partitions.len() == grouped.len());
        match fits {
            true => Ok(()),
            false => Err(unsupported(
                "a session window whose PARTITION BY is not the GROUP BY",
            )),
        }
    }

    /// A window function whose rows are not grouped by it: one row a window.
    pub(super) fn window(&mut self, window: &WindowNode) -> Result<Relation> {
        if matches!(window.spec, WindowSpec::Session { .. }) {
            return Err(unsupported(
                "a session window without GROUP BY window_start, window_end",
            ));
        }
        let input = self.relation(&window.input)?.flush(&mut self.calcs)?;
        let time = input.schema.index_of_column(&window.time_column)?;
        let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
        let mut types: Vec<_> = input
            .base
            .fields()
            .iter()
            .map(|f| (f.data_type().clone(), f.is_nullable()))
            .collect();
        let added = schema.fields().iter().skip(types.len());
        types.extend(added.map(|f| (f.data_type().clone(), f.is_nullable())));
        let output = super::expr::numbered(types);
        let assign =
            WindowAssign::new(&window.spec, time, Arc::clone(&output)).map_err(external)?;
        let assign: Arc<dyn crate::operator::Stateless> = Arc::new(assign);
        let mut relation = input;
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&assign));
        }
        relation.facts.key = None;
        relation.facts.explain(format!("Window: {:?}", window.spec));
        relation.exprs = (0..output.fields().len())
            .map(super::expr::column)
            .collect();
        relation.base = output;
        Ok(relation.renamed(Arc::clone(schema)))
    }

    /// Notes that rows of `facts` need watermarks, and checks that they have some.
    fn need_time(&mut self, facts: &Facts, processing_time: bool) -> Result<()> {
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

    /// The longest lateness that the inputs allow.
    fn lateness(&self, facts: &Facts) -> Duration {
        let allowed = facts
            .inputs
            .iter()
            .filter_map(|i| self.scans[*i].def.watermark.as_ref());
        allowed
            .map(|w| w.allowed_lateness)
            .max()
            .unwrap_or_default()
    }
}
