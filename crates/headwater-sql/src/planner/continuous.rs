//! What a continuous query cannot do yet, found in its text, so that the error points to it.

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, FunctionArg, FunctionArgExpr, Query, Select, SetExpr, SetOperator, Spanned, TableFactor,
    Visit, Visitor,
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
    struct Patterns(Option<Span>);
    impl Visitor for Patterns {
        type Break = Infallible;

        fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<Infallible> {
            if let TableFactor::MatchRecognize { table, .. } = factor {
                self.0.get_or_insert(table.span());
            }
            ControlFlow::Continue(())
        }
    }
    let mut patterns = Patterns(None);
    let ControlFlow::Continue(()) = Visit::visit(query, &mut patterns);
    match patterns.0 {
        Some(span) => Err(SqlError::unsupported("MATCH_RECOGNIZE is not supported yet").at(span)),
        None => Ok(()),
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
            TableFactor::UNNEST { .. } => return found("UNNEST", factor.span()),
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
    if let Some(join) = tables.iter().flat_map(|t| &t.joins).next() {
        let what = match join.relation {
            TableFactor::UNNEST { .. } => "UNNEST",
            _ => "a join",
        };
        return found(what, join.relation.span());
    }
    if let Some(second) = tables.get(1) {
        return found("a join", second.relation.span());
    }
    if let Some(view) = select.lateral_views.first() {
        return found("LATERAL VIEW", view.lateral_view.span());
    }
    if let Some(qualify) = &select.qualify {
        return found("QUALIFY", qualify.span());
    }
    ControlFlow::Continue(())
}
