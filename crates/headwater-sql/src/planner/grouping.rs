//! Aggregates where they have no value yet, before the groups are made: in GROUP BY and WHERE.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, GroupByExpr, Query, Select, SelectItem, Spanned, Value, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError};
use crate::functions::functions;

/// Those that are written as others before they are planned.
const AGGREGATES: [&str; 4] = ["collect", "json_arrayagg", "json_objectagg", "listagg"];

/// Refuses a query that groups by an aggregate, written there or meant by a number, or that filters rows by one.
pub(super) fn check(query: &Query) -> Result<()> {
    match Visit::visit(query, &mut Grouping) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

fn grouped(name: &str, span: Span) -> SqlError {
    SqlError::invalid(format!(
        "{name}() is an aggregate, which cannot be grouped by"
    ))
    .at(span)
    .with_hint("aggregate in a subquery, and group its rows")
}

fn filtered(name: &str, span: Span) -> SqlError {
    SqlError::invalid(format!(
        "{name}() is an aggregate, which rows cannot be filtered by"
    ))
    .at(span)
    .with_hint("filter groups: write HAVING after GROUP BY")
}

struct Grouping;

impl Visitor for Grouping {
    type Break = SqlError;

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<Self::Break> {
        if let Some(selection) = &select.selection
            && let ControlFlow::Break((name, span)) = aggregate(selection)
        {
            return ControlFlow::Break(filtered(&name, span));
        }
        let GroupByExpr::Expressions(exprs, _) = &select.group_by else {
            return ControlFlow::Continue(());
        };
        for expr in exprs {
            let meant = selected(select, expr).unwrap_or(expr);
            if let ControlFlow::Break((name, _)) = aggregate(meant) {
                return ControlFlow::Break(grouped(&name, expr.span()));
            }
        }
        ControlFlow::Continue(())
    }
}

/// The expression of the SELECT list that a number in GROUP BY stands for.
fn selected<'a>(select: &'a Select, by: &Expr) -> Option<&'a Expr> {
    let Expr::Value(value) = by else { return None };
    let Value::Number(number, _) = &value.value else {
        return None;
    };
    let number: usize = number.to_string().parse().ok()?;
    match select.projection.get(number.checked_sub(1)?)? {
        SelectItem::UnnamedExpr(expr) | SelectItem::ExprWithAlias { expr, .. } => Some(expr),
        _ => None,
    }
}

/// The first aggregate in an expression that is not one of a subquery.
fn aggregate(expr: &Expr) -> ControlFlow<(String, Span)> {
    Visit::visit(expr, &mut Aggregates { depth: 0 })
}

struct Aggregates {
    /// How many subqueries what is visited is in.
    depth: usize,
}

impl Visitor for Aggregates {
    type Break = (String, Span);

    fn pre_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth += 1;
        ControlFlow::Continue(())
    }

    fn post_visit_query(&mut self, _: &Query) -> ControlFlow<Self::Break> {
        self.depth -= 1;
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> ControlFlow<Self::Break> {
        match expr {
            Expr::Function(f) if f.over.is_none() && self.depth == 0 => {
                let name = f.name.to_string();
                let lower = name.to_ascii_lowercase();
                let is_meant = AGGREGATES.contains(&lower.as_str());
                match is_meant || functions().aggregate.contains_key(&lower) {
                    true => ControlFlow::Break((name.to_uppercase(), f.name.span())),
                    false => ControlFlow::Continue(()),
                }
            }
            _ => ControlFlow::Continue(()),
        }
    }
}
