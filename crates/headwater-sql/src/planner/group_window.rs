//! The older window syntax, rewritten to window table functions: `GROUP BY TUMBLE(ts, size)` with `TUMBLE_START`,
//! `TUMBLE_END`, `TUMBLE_ROWTIME` (HOP, CUMULATE and SESSION likewise).

use std::convert::Infallible;
use std::ops::ControlFlow;

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, GroupByExpr, Ident, Query,
    Select, SelectItem, SetExpr, Spanned, TableFactor, TableFunctionArgs, TableWithJoins, VisitMut,
    VisitorMut,
};

use crate::error::{Result, SqlError};
use crate::statement::{PARTITION_BY, WINDOW_FUNCTIONS};

/// Rewrites every SELECT of the query.
pub(super) fn rewrite(query: &mut Box<Query>) -> Result<()> {
    match VisitMut::visit(query, &mut Rewriter) {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(error) => Err(error),
    }
}

struct Rewriter;

impl VisitorMut for Rewriter {
    type Break = SqlError;

    fn pre_visit_query(&mut self, query: &mut Query) -> ControlFlow<SqlError> {
        match set_expr(&mut query.body) {
            Ok(()) => ControlFlow::Continue(()),
            Err(e) => ControlFlow::Break(e),
        }
    }
}

fn set_expr(body: &mut SetExpr) -> Result<()> {
    match body {
        SetExpr::Select(s) => select(s),
        SetExpr::SetOperation { left, right, .. } => {
            set_expr(left)?;
            set_expr(right)
        }
        _ => Ok(()),
    }
}

fn select(select: &mut Select) -> Result<()> {
    let GroupByExpr::Expressions(groups, _) = &mut select.group_by else {
        return Ok(());
    };
    let Some(at) = groups.iter().position(|e| window_call(e).is_some()) else {
        return Ok(());
    };
    let call = groups.remove(at);
    if let Some(second) = groups.iter().find(|e| window_call(e).is_some()) {
        return Err(SqlError::invalid("a query groups by one window").at(second.span()));
    }
    let Some((name, args)) = window_call(&call) else {
        return Ok(());
    };
    let keys = groups.clone();
    let mut helpers = Helpers { uses_time: false };
    for item in &mut select.projection {
        if let SelectItem::UnnamedExpr(e) | SelectItem::ExprWithAlias { expr: e, .. } = item {
            let ControlFlow::Continue(()) = VisitMut::visit(e, &mut helpers);
        }
    }
    if let Some(having) = &mut select.having {
        let ControlFlow::Continue(()) = VisitMut::visit(having, &mut helpers);
    }
    let columns = if helpers.uses_time {
        &["window_start", "window_end", "window_time"][..]
    } else {
        &["window_start", "window_end"][..]
    };
    if let GroupByExpr::Expressions(groups, _) = &mut select.group_by {
        groups.extend(columns.iter().map(|c| Expr::Identifier(Ident::new(*c))));
    }
    let input = input_query(select);
    select.from = vec![table_function(name, args, input, &keys, &call)];
    Ok(())
}

/// `SELECT * FROM … WHERE …`: what the windows are over.
fn input_query(select: &mut Select) -> Query {
    let mut inner = select.clone();
    inner.projection = vec![SelectItem::Wildcard(Default::default())];
    inner.group_by = GroupByExpr::Expressions(Vec::new(), Vec::new());
    inner.having = None;
    inner.qualify = None;
    inner.distinct = None;
    select.selection = None;
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(inner))),
        order_by: None,
        limit_clause: None,
        fetch: None,
        locks: Vec::new(),
        for_clause: None,
        settings: None,
        format_clause: None,
        pipe_operators: Vec::new(),
    }
}

fn table_function(
    name: &str,
    args: Vec<Expr>,
    input: Query,
    keys: &[Expr],
    call: &Expr,
) -> TableWithJoins {
    let arg = |e: Expr| FunctionArg::Unnamed(FunctionArgExpr::Expr(e));
    let mut list = vec![arg(Expr::Subquery(Box::new(input)))];
    let columns = keys
        .iter()
        .all(|k| matches!(k, Expr::Identifier(_) | Expr::CompoundIdentifier(_)));
    if name == "SESSION" && columns && !keys.is_empty() {
        list.push(arg(partition_by(keys)));
    }
    list.extend(args.into_iter().map(arg));
    let ident = Ident::with_span(call.span(), name);
    TableWithJoins {
        relation: TableFactor::Table {
            name: vec![ident].into(),
            alias: None,
            args: Some(TableFunctionArgs {
                args: list,
                settings: None,
            }),
            with_hints: Vec::new(),
            version: None,
            with_ordinality: false,
            partitions: Vec::new(),
            json_path: None,
            sample: None,
            index_hints: Vec::new(),
        },
        joins: Vec::new(),
    }
}

fn partition_by(keys: &[Expr]) -> Expr {
    let args = keys
        .iter()
        .map(|k| FunctionArg::Unnamed(FunctionArgExpr::Expr(k.clone())));
    Expr::Function(Function {
        name: vec![Ident::new(PARTITION_BY)].into(),
        uses_odbc_syntax: false,
        parameters: FunctionArguments::None,
        args: FunctionArguments::List(sqlparser::ast::FunctionArgumentList {
            duplicate_treatment: None,
            args: args.collect(),
            clauses: Vec::new(),
        }),
        filter: None,
        null_treatment: None,
        over: None,
        within_group: Vec::new(),
    })
}

/// The function and its arguments, if `expr` is `TUMBLE(ts, …)`.
fn window_call(expr: &Expr) -> Option<(&'static str, Vec<Expr>)> {
    let (name, args) = call(expr)?;
    let function = WINDOW_FUNCTIONS
        .into_iter()
        .find(|f| f.eq_ignore_ascii_case(&name))?;
    (args.len() >= 2).then_some((function, args))
}

fn call(expr: &Expr) -> Option<(String, Vec<Expr>)> {
    let Expr::Function(Function {
        name,
        args: FunctionArguments::List(list),
        ..
    }) = expr
    else {
        return None;
    };
    let args = list.args.iter().map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    });
    Some((name.to_string(), args.collect::<Option<_>>()?))
}

/// Replaces `TUMBLE_START(…)` and its like by the window columns.
struct Helpers {
    uses_time: bool,
}

impl VisitorMut for Helpers {
    type Break = Infallible;

    fn pre_visit_expr(&mut self, expr: &mut Expr) -> ControlFlow<Infallible> {
        let Some((name, _)) = call(expr) else {
            return ControlFlow::Continue(());
        };
        let upper = name.to_ascii_uppercase();
        let part = WINDOW_FUNCTIONS
            .iter()
            .find_map(|f| upper.strip_prefix(f)?.strip_prefix('_'));
        let column = match part {
            Some("START") => "window_start",
            Some("END") => "window_end",
            Some("ROWTIME") => "window_time",
            _ => return ControlFlow::Continue(()),
        };
        self.uses_time |= column == "window_time";
        *expr = Expr::Identifier(Ident::with_span(expr.span(), column));
        ControlFlow::Continue(())
    }
}
