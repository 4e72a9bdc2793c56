//! Finds the window table function that an aggregate groups by, so that both become one operator.

use datafusion_common::{Column, Result};
use datafusion_expr::logical_plan::{Aggregate, SubqueryAlias};
use datafusion_expr::{Expr, Extension, Filter, LogicalPlan, Projection};

use super::expr::substitute;
use crate::operator::WindowColumn;
use crate::plan::{WindowNode, WindowSpec};

/// An aggregate that groups by the columns of a window table function below it.
pub(super) struct Windowed<'a> {
    pub(super) window: &'a WindowNode,
    /// The aggregate's group expressions over the window node's columns.
    pub(super) groups: Vec<Expr>,
    /// What the aggregate's input columns are over the window node's columns.
    pub(super) columns: Vec<Expr>,
    /// What the rows are filtered by, over the window node's columns.
    pub(super) predicates: Vec<Expr>,
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
    let windowed = Windowed {
        window,
        groups,
        columns,
        predicates,
    };
    let fits = by_window && !mixed && !args_mixed && windowed.fits_session()?;
    Ok(fits.then_some(windowed))
}

impl Windowed<'_> {
    /// Whether the sessions of the window function, if it makes some, are those of the aggregate: they are partitioned
    /// as it groups, and no rows are left out above them that they were made of.
    fn fits_session(&self) -> Result<bool> {
        let WindowSpec::Session { partition_by, .. } = &self.window.spec else {
            return Ok(true);
        };
        if partition_by.is_empty() {
            return Ok(true);
        }
        let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(self.window);
        let columns = schema.columns();
        let mut partitions = Vec::with_capacity(partition_by.len());
        for column in partition_by {
            partitions.push(Expr::Column(
                columns[schema.index_of_column(column)?].clone(),
            ));
        }
        let added = added_columns(self.window);
        let mut keys = self.groups.iter().filter(|g| role(g, &added).is_none());
        let within = |e: &Expr| {
            let mut columns = e.column_refs().into_iter();
            columns.all(|c| partitions.contains(&Expr::Column(c.clone())))
        };
        Ok(keys.clone().count() == partitions.len()
            && keys.all(|k| partitions.contains(k))
            && self.predicates.iter().all(within))
    }
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
pub(super) fn added_columns(window: &WindowNode) -> Vec<Column> {
    let schema = datafusion_expr::UserDefinedLogicalNodeCore::schema(window);
    let columns = schema.columns();
    columns[columns.len() - 3..].to_vec()
}

pub(super) fn role(expr: &Expr, added: &[Column]) -> Option<WindowColumn> {
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
