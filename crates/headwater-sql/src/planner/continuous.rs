//! What a continuous query cannot do yet, found in its text, so that the error points to it.

use std::ops::ControlFlow;

use sqlparser::ast::{
    Distinct, Expr, FunctionArg, FunctionArgExpr, JoinOperator, Query, Select, SetExpr,
    SetOperator, Spanned, TableFactor, Visit, Visitor,
};
use sqlparser::tokenizer::Span;

use crate::error::{Result, SqlError};

/// Where a batch can what a continuous query cannot.
const HINT: &str = "a SELECT without EMIT can: it is a batch over what is durable";

/// Refuses what a continuous query cannot do.
pub(super) fn check(query: &Query) -> Result<()> {
    let mut checker = Checker::default();
    match Visit::visit(query, &mut checker) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break((what, span)) => {
            let message = format!("{what} in a continuous query is not supported yet");
            Err(SqlError::unsupported(message).at(span).with_hint(HINT))
        }
    }
}

/// Refuses what no query can do yet.
pub(super) fn check_any(query: &Query) -> Result<()> {
    match Visit::visit(query, &mut Unknown) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

/// What DataFusion does not know, or would not survive.
struct Unknown;

impl Visitor for Unknown {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &Query) -> ControlFlow<SqlError> {
        if let SetExpr::Select(select) = query.body.as_ref()
            && let Some(Distinct::On(by)) = &select.distinct
            && query.order_by.is_none()
        {
            let span = by.first().map_or(select.span(), Spanned::span);
            let error = SqlError::invalid("DISTINCT ON keeps the first row of many, in no order");
            let hint = "write ORDER BY, which says what the first row is";
            return ControlFlow::Break(error.at(span).with_hint(hint));
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_select(&mut self, select: &Select) -> ControlFlow<SqlError> {
        let mut joins = select.from.iter().flat_map(|table| &table.joins);
        if let Some(join) = joins.find(|j| matches!(j.join_operator, JoinOperator::AsOf { .. })) {
            let error = SqlError::unsupported("ASOF JOIN is not supported yet");
            return ControlFlow::Break(error.at(join.relation.span()));
        }
        if select.top.is_none() {
            return ControlFlow::Continue(());
        }
        let error = SqlError::unsupported("TOP is not supported").at(select.span());
        ControlFlow::Break(error.with_hint("write LIMIT at the end of the query"))
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<SqlError> {
        let TableFactor::MatchRecognize { table, .. } = factor else {
            return ControlFlow::Continue(());
        };
        let error = SqlError::unsupported("MATCH_RECOGNIZE is not supported yet");
        ControlFlow::Break(error.at(table.span()))
    }
}

#[derive(Default)]
struct Checker {
    /// Subqueries that stand for tables, as the arguments of window functions.
    tables: Vec<*const Expr>,
}

type Found = ControlFlow<(&'static str, Span)>;

fn found(what: &'static str, span: Span) -> Found {
    ControlFlow::Break((what, span))
}

impl Visitor for Checker {
    type Break = (&'static str, Span);

    fn pre_visit_query(&mut self, query: &Query) -> Found {
        of_body(&query.body)?;
        if let Some(order_by) = &query.order_by {
            return found("ORDER BY", order_by.span());
        }
        if let Some(limit) = &query.limit_clause {
            return found("LIMIT", limit.span());
        }
        if let Some(fetch) = &query.fetch {
            return found(
                "FETCH",
                fetch.quantity.as_ref().map_or(query.span(), Spanned::span),
            );
        }
        ControlFlow::Continue(())
    }

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> Found {
        let args = match factor {
            TableFactor::Table {
                args: Some(args), ..
            } => &args.args[..],
            TableFactor::TableFunction {
                expr: Expr::Function(f),
                ..
            } => match &f.args {
                sqlparser::ast::FunctionArguments::List(list) => &list.args[..],
                _ => &[],
            },
            _ => &[],
        };
        let queries = args.iter().filter_map(|arg| match arg {
            FunctionArg::Unnamed(FunctionArgExpr::Expr(expr))
            | FunctionArg::Named {
                arg: FunctionArgExpr::Expr(expr),
                ..
            } => Some(std::ptr::from_ref(expr)),
            _ => None,
        });
        self.tables.extend(queries);
        ControlFlow::Continue(())
    }

    fn pre_visit_expr(&mut self, expr: &Expr) -> Found {
        match expr {
            Expr::Subquery(_) if self.tables.contains(&std::ptr::from_ref(expr)) => {
                ControlFlow::Continue(())
            }
            Expr::Subquery(query) => found("a subquery", query.span()),
            Expr::InSubquery { subquery, .. } | Expr::Exists { subquery, .. } => {
                found("a subquery", subquery.span())
            }
            Expr::Function(f) if f.over.is_some() => found("OVER", f.name.span()),
            _ => ControlFlow::Continue(()),
        }
    }
}

fn of_body(body: &SetExpr) -> Found {
    match body {
        SetExpr::Select(select) => of_select(select),
        SetExpr::SetOperation {
            op, left, right, ..
        } => {
            of_body(left)?;
            match op {
                SetOperator::Union => of_body(right),
                SetOperator::Intersect => found("INTERSECT", right.span()),
                SetOperator::Except | SetOperator::Minus => found("EXCEPT", right.span()),
            }
        }
        SetExpr::Values(_) => found("a query without a table", body.span()),
        _ => ControlFlow::Continue(()),
    }
}

fn of_select(select: &Select) -> Found {
    let tables = &select.from;
    if tables.is_empty() {
        return found("a query without a table", select.span());
    }
    if let TableFactor::UNNEST { .. } = tables[0].relation {
        return found("a query without a table", tables[0].relation.span());
    }
    let joined = tables.iter().flat_map(|t| &t.joins).map(|j| &j.relation);
    let mut joined = joined.chain(tables.iter().skip(1).map(|t| &t.relation));
    let is_unnest = |factor: &&TableFactor| matches!(factor, TableFactor::UNNEST { .. });
    if let Some(table) = joined.find(|t| !is_unnest(t)) {
        return found("a join", table.span());
    }
    if let Some(view) = select.lateral_views.first() {
        return found("LATERAL VIEW", view.lateral_view.span());
    }
    if let Some(qualify) = &select.qualify {
        return found("QUALIFY", qualify.span());
    }
    ControlFlow::Continue(())
}
