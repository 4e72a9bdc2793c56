//! Plain calls in parsed expressions, taken apart and made, and queries that are made.

use sqlparser::ast::{
    Expr, Function, FunctionArg, FunctionArgExpr, FunctionArguments, Query, Select, SetExpr,
};

pub(super) use crate::statement::call;

/// The arguments of a call, if they are plain expressions.
pub(super) fn arguments(f: &Function) -> Option<Vec<Expr>> {
    let FunctionArguments::List(list) = &f.args else {
        return None;
    };
    let args = list.args.iter().map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    });
    args.collect()
}

/// The name and the arguments of `expr`, if it is such a call.
pub(super) fn parts(expr: &Expr) -> Option<(String, Vec<Expr>)> {
    match expr {
        Expr::Function(f) => Some((f.name.to_string(), arguments(f)?)),
        _ => None,
    }
}

/// A call of another function with other arguments, and with what else was said of it.
pub(super) fn with_args(f: &Function, name: &str, args: Vec<Expr>) -> Expr {
    let mut renamed = f.clone();
    if let (Expr::Function(plain), FunctionArguments::List(list)) =
        (call(name, args), &mut renamed.args)
        && let FunctionArguments::List(plain_list) = plain.args
    {
        list.args = plain_list.args;
        renamed.name = plain.name;
    }
    Expr::Function(renamed)
}

/// A SELECT as a query.
pub(super) fn query_of(select: Select) -> Query {
    Query {
        with: None,
        body: Box::new(SetExpr::Select(Box::new(select))),
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
