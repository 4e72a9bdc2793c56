//! Window table functions as they are shown: `TABLE(TUMBLE(TABLE t, DESCRIPTOR(ts), INTERVAL '1' HOUR))`.

use sqlparser::ast::{Expr, Ident, Spanned, TableFactor};

use super::args::function_args;
use super::call::Call;
use super::relation::{window_function, wrapped};
use crate::planner::call;

/// The call that a relation is, if it is one of a window function and makes sense.
pub(in crate::planner) fn window_call(factor: &TableFactor) -> Option<Call> {
    match factor {
        TableFactor::Table {
            name,
            args: Some(args),
            ..
        } => Call::new(window_function(name)?, &args.args, name.span()).ok(),
        TableFactor::TableFunction { expr, .. } => wrapped(expr).ok()?.ok(),
        _ => None,
    }
}

/// The call with its arguments by their places.
pub(in crate::planner) fn canonical_call(call: &Call) -> Expr {
    let mut data = call.data.clone();
    if !call.partition_by.is_empty() {
        let keys = call.partition_by.iter().map(ToString::to_string);
        let keys = keys.collect::<Vec<_>>().join(", ");
        data = Expr::Identifier(Ident::new(format!("{data} PARTITION BY {keys}")));
    }
    let time = match function_args(&call.time, "DESCRIPTOR") {
        Some(_) => call.time.clone(),
        None => call::call("DESCRIPTOR", vec![call.time.clone()]),
    };
    let lengths = call.lengths.iter().flatten().cloned();
    call::call(
        call.function,
        [data, time].into_iter().chain(lengths).collect(),
    )
}
