//! `FOR SYSTEM_TIME AS OF time`: which moment is meant.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use sqlparser::ast::{self, Spanned};

use super::context::Names;
use super::from_datafusion;
use super::optimize::evaluate;
use super::table::expression;
use crate::error::{Result, SqlError};
use crate::statement::type_name;

/// Microseconds since the epoch of a time that is the same for all rows; `NOW()` is the session's clock.
pub(super) fn moment(time: &ast::Expr, names: &dyn Names) -> Result<i64> {
    let span = time.span();
    let planned = expression(time, &[], names)?;
    let is_time = matches!(
        planned.data_type,
        DataType::Timestamp(_, _) | DataType::Date32 | DataType::Utf8
    );
    if !is_time {
        let message = format!("{} is not a point in time", type_name(&planned.data_type));
        return Err(wrong(&message).at(span));
    }
    let micros = DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()));
    let plan = LogicalPlanBuilder::empty(true)
        .project([cast(planned.expr, micros).alias("time")])
        .and_then(LogicalPlanBuilder::build)
        .and_then(|plan| evaluate(plan, names.now()));
    let plan = plan.map_err(|e| from_datafusion(e, span))?;
    match literal(&plan) {
        Some(ScalarValue::TimestampMicrosecond(Some(at), _)) => Ok(at),
        _ => Err(wrong("the time is not known before the query runs").at(span)),
    }
}

fn literal(plan: &LogicalPlan) -> Option<ScalarValue> {
    let LogicalPlan::Projection(projection) = plan else {
        return None;
    };
    match projection.expr.first()?.clone().unalias() {
        Expr::Literal(value, _) => Some(value),
        _ => None,
    }
}

fn wrong(message: &str) -> SqlError {
    SqlError::invalid(message)
        .with_hint("write FOR SYSTEM_TIME AS OF TIMESTAMP '2024-01-31 12:00:00'")
}
