//! What stands in the parentheses of a window table function.

use datafusion_common::{Column, DFSchema, DataFusionError, ScalarValue};
use datafusion_expr::Expr;
use datafusion_expr::planner::RelationPlannerContext;
use sqlparser::ast::{
    self, Expr as AstExpr, FunctionArg, FunctionArgExpr, FunctionArguments, Spanned,
};
use sqlparser::tokenizer::Span;

use crate::error::SqlError;

pub(super) type Result<T, E = DataFusionError> = std::result::Result<T, E>;

pub(super) fn named(arg: &FunctionArg, span: Span) -> Result<(Option<String>, AstExpr)> {
    let (name, arg) = match arg {
        FunctionArg::Named { name, arg, .. } => (Some(name.value.clone()), arg),
        FunctionArg::ExprNamed { name, arg, .. } => (Some(name.to_string()), arg),
        FunctionArg::Unnamed(arg) => (None, arg),
    };
    match arg {
        FunctionArgExpr::Expr(expr) => Ok((name, expr.clone())),
        _ => Err(SqlError::invalid("a window function does not take '*'")
            .at(span)
            .into()),
    }
}

/// The arguments if `expr` is a call of `name`.
pub(super) fn function_args(expr: &AstExpr, name: &str) -> Option<Vec<AstExpr>> {
    let AstExpr::Function(ast::Function {
        name: called,
        args: FunctionArguments::List(list),
        ..
    }) = expr
    else {
        return None;
    };
    if !called.to_string().eq_ignore_ascii_case(name) {
        return None;
    }
    let args = list.args.iter().filter_map(|a| match a {
        FunctionArg::Unnamed(FunctionArgExpr::Expr(e)) => Some(e.clone()),
        _ => None,
    });
    Some(args.collect())
}

pub(super) fn column(
    context: &mut dyn RelationPlannerContext,
    expr: AstExpr,
    schema: &DFSchema,
    span: Span,
) -> Result<Column> {
    match context.sql_to_expr(expr, schema)? {
        Expr::Column(column) => Ok(column),
        _ => Err(
            SqlError::invalid("a window function takes a column here, not an expression")
                .at(span)
                .with_hint("compute the column in a view or subquery first")
                .into(),
        ),
    }
}

/// The microseconds of an interval of fixed length.
pub(super) fn micros(context: &mut dyn RelationPlannerContext, expr: &AstExpr) -> Result<i64> {
    let span = expr.span();
    let wrong = |why: &str| -> DataFusionError {
        SqlError::invalid(why)
            .at(span)
            .with_hint("write INTERVAL '5' MINUTE")
            .into()
    };
    let literal = context.sql_to_expr(expr.clone(), &DFSchema::empty())?;
    let Expr::Literal(value, _) = literal else {
        return Err(wrong("a window length is a constant interval"));
    };
    let (months, days, nanos) = match value {
        ScalarValue::IntervalMonthDayNano(Some(i)) => (i.months, i.days, i.nanoseconds),
        ScalarValue::IntervalDayTime(Some(i)) => (0, i.days, i64::from(i.milliseconds) * 1_000_000),
        ScalarValue::IntervalYearMonth(Some(m)) => (m, 0, 0),
        _ => return Err(wrong("a window length is an interval")),
    };
    if months != 0 {
        return Err(wrong(
            "months and years have no fixed length, so no window can have it",
        ));
    }
    i64::from(days)
        .checked_mul(86_400_000_000)
        .and_then(|d| d.checked_add(nanos / 1_000))
        .ok_or_else(|| wrong("the window is too long"))
}
