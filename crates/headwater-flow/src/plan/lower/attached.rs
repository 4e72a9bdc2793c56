//! Windows that rows carry: aggregates over rows that another window operator made, and the rows of sessions.

use std::collections::BTreeSet;
use std::sync::Arc;

use datafusion_common::{Column, Result};
use datafusion_expr::Expr;
use datafusion_expr::logical_plan::Aggregate;

use super::aggregate::{Columns, calls};
use super::build::{Builder, external};
use super::expr::{column_index, unsupported};
use super::relation::{Facts, Relation, RowWindows};
use super::window::{WindowParts, micros, window_columns};
use crate::circuit::Port;
use crate::operator::{Exchange, Operator, SessionAssign, SessionAssignSpec, WindowColumn};
use crate::plan::{ExplainNode, WindowNode};

impl Builder<'_> {
    /// An aggregate that groups rows by the end of the window that they carry closes with that window.
    pub(super) fn attached_aggregate(
        &mut self,
        aggregate: &Aggregate,
        relation: Relation,
    ) -> Result<Relation> {
        let over = |e: &Expr| relation.over_base(e);
        let groups = aggregate.group_expr.iter().map(over);
        let groups = groups.collect::<Result<Vec<_>>>()?;
        let ends = relation.facts.windows.ends.clone();
        let is_end = |e: &Expr| base_column(e).is_some_and(|i| ends.contains(&i));
        let mut columns = Columns::default();
        columns
            .exprs
            .extend(groups.iter().find(|g| is_end(g)).cloned());
        let mut roles = Vec::with_capacity(groups.len());
        for group in groups {
            if is_end(&group) {
                roles.push(WindowColumn::End);
            } else {
                columns.exprs.push(group);
                roles.push(WindowColumn::Key(columns.exprs.len() - 2));
            }
        }
        let calls = calls(aggregate, &over, &mut columns)?;
        let by_clock = relation.facts.windows.by_clock;
        self.need_time(&relation.facts, by_clock)?;
        let parts = WindowParts {
            window: None,
            roles,
            columns,
            calls,
            lateness: relation.facts.lateness,
            processing_time: by_clock,
        };
        self.add_window_aggregate(aggregate, relation, parts)
    }

    /// Whether an aggregate groups by the end of the window that the rows of `relation` carry.
    pub(super) fn groups_by_window(
        &self,
        aggregate: &Aggregate,
        relation: &Relation,
    ) -> Result<bool> {
        for group in &aggregate.group_expr {
            let column = base_column(&relation.over_base(group)?);
            if column.is_some_and(|i| relation.facts.windows.ends.contains(&i)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// A session window function whose rows are not aggregated by its keys: they come out when their session does.
    pub(super) fn session_rows(
        &mut self,
        window: &WindowNode,
        gap: i64,
        partition_by: &[Column],
    ) -> Result<Relation> {
        if partition_by.is_empty() {
            return Err(unsupported(
                "a session window with neither PARTITION BY nor GROUP BY window_start, window_end",
            ));
        }
        let input = self.relation(&window.input)?.flush(&mut self.calcs)?;
        let time = input.schema.index_of_column(&window.time_column)?;
        let keys = partition_by.iter().map(|c| input.schema.index_of_column(c));
        let keys = keys.collect::<Result<Vec<_>>>()?;
        let by_clock = input.facts.processing_time.contains(&time);
        self.need_time(&input.facts, by_clock)?;
        let output = window_columns(&input, window);
        let spec = SessionAssignSpec {
            gap,
            time,
            keys: keys.clone(),
            input: Arc::clone(&input.base),
            output: Arc::clone(&output),
            mode: self.window_mode(),
            allowed_lateness: micros(input.facts.lateness),
            append_only: input.facts.updating.is_none(),
            processing_time: by_clock,
        };
        let shards = self.shards(&keys);
        let exchange = Exchange::new(&input.base, keys, shards).map_err(external)?;
        let name = format!("Sessions: {:?}, {:?}", window.spec, self.emit);
        let ports = vec![Port {
            feeds: input.feeds,
            exchange,
            ordered: true,
        }];
        let by: Vec<&str> = partition_by.iter().map(|c| c.name.as_str()).collect();
        let windows = format!("{} on {}", window.spec, window.time_column.name);
        let mut explained = ExplainNode::new("Sessions")
            .with("by", by.join(", "))
            .with("windows", windows)
            .with("emits", self.emission())
            .with("state", "the rows of sessions that are open");
        let feed = self.node(name, ports, shards, &mut explained, || {
            Ok(Box::new(SessionAssign::new(spec.clone())?) as Box<dyn Operator>)
        })?;
        let mut facts = Facts {
            inputs: input.facts.inputs,
            explain: input.facts.explain,
            updating: self.window_updates(),
            windows: RowWindows {
                ends: BTreeSet::from([output.fields().len() - 2]),
                by_clock,
            },
            ..Facts::default()
        };
        facts.explain(explained);
        let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
        Ok(Relation::new(feed, output, Arc::clone(schema), facts))
    }
}

/// The column of the base that an expression is.
fn base_column(expr: &Expr) -> Option<usize> {
    match expr {
        Expr::Column(column) => column_index(column),
        _ => None,
    }
}
