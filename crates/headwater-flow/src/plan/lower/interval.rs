//! Intervals without months are durations: adding one to a timestamp is one addition then, not a walk over the calendar.

use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::{BinaryExpr, Expr, ExprSchemable, Operator};

/// `expr` (over `schema`) with every literal interval that is added to or subtracted from a timestamp as a duration in the
/// timestamp's unit, if it is one.
pub(super) fn exact(expr: Expr, schema: &DFSchema) -> Result<Expr> {
    let exact = expr.transform_up(|e| {
        let Expr::BinaryExpr(BinaryExpr { left, op, right }) = e else {
            return Ok(Transformed::no(e));
        };
        let duration = match op {
            Operator::Plus | Operator::Minus => duration(&right, &left, schema)?,
            _ => None,
        };
        let is_exact = duration.is_some();
        let right = duration.map_or(right, Box::new);
        let expr = Expr::BinaryExpr(BinaryExpr { left, op, right });
        Ok(Transformed::new_transformed(expr, is_exact))
    })?;
    Ok(exact.data)
}

fn duration(interval: &Expr, time: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let Expr::Literal(interval, _) = interval else {
        return Ok(None);
    };
    let Some(nanos) = nanos(interval) else {
        return Ok(None);
    };
    Ok(match time.get_type(schema)? {
        DataType::Timestamp(unit, zone) if zone.as_deref().is_none_or(is_utc) => {
            in_unit(nanos, unit).map(|value| Expr::Literal(value, None))
        }
        _ => None,
    })
}

/// In other zones days may have 23 hours.
fn is_utc(zone: &str) -> bool {
    matches!(zone, "UTC" | "+00:00" | "Z")
}

fn nanos(interval: &ScalarValue) -> Option<i64> {
    const DAY: i64 = 86_400_000_000_000;
    match interval {
        ScalarValue::IntervalMonthDayNano(Some(i)) if i.months == 0 => i64::from(i.days)
            .checked_mul(DAY)?
            .checked_add(i.nanoseconds),
        ScalarValue::IntervalDayTime(Some(i)) => i64::from(i.days)
            .checked_mul(DAY)?
            .checked_add(i64::from(i.milliseconds) * 1_000_000),
        _ => None,
    }
}

/// As a duration in `unit`; `None` if it is no whole number of them.
fn in_unit(nanos: i64, unit: TimeUnit) -> Option<ScalarValue> {
    let length = match unit {
        TimeUnit::Second => 1_000_000_000,
        TimeUnit::Millisecond => 1_000_000,
        TimeUnit::Microsecond => 1_000,
        TimeUnit::Nanosecond => 1,
    };
    let value = (nanos % length == 0).then_some(nanos / length);
    value?;
    Some(match unit {
        TimeUnit::Second => ScalarValue::DurationSecond(value),
        TimeUnit::Millisecond => ScalarValue::DurationMillisecond(value),
        TimeUnit::Microsecond => ScalarValue::DurationMicrosecond(value),
        TimeUnit::Nanosecond => ScalarValue::DurationNanosecond(value),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use arrow::array::{ArrayRef, RecordBatch, TimestampMillisecondArray};
    use arrow::datatypes::{Field, IntervalMonthDayNano, Schema};

    use super::super::expr::{column, column_name, physical};
    use super::*;
    use crate::circuit::EpochClock;

    fn interval(months: i32, days: i32, nanoseconds: i64) -> Expr {
        let value = IntervalMonthDayNano::new(months, days, nanoseconds);
        Expr::Literal(ScalarValue::IntervalMonthDayNano(Some(value)), None)
    }

    fn check(time: &str, expr: Expr, want: &str) {
        let at = |text: &str| {
            let zone = DataType::Timestamp(TimeUnit::Millisecond, None);
            let parsed = ScalarValue::from(text).cast_to(&zone).expect("is a time");
            parsed.to_array().expect("is a value")
        };
        let field = Field::new(column_name(0), at(time).data_type().clone(), true);
        let schema = Arc::new(Schema::new(vec![field]));
        let computed = physical(&expr, &schema, &EpochClock::default()).expect("fits");
        let rows = RecordBatch::try_new(schema, vec![at(time)]).expect("fits");
        let value = computed.evaluate(&rows).expect("is computed");
        let value: ArrayRef = value.into_array(1).expect("is a column");
        let value = value.as_any().downcast_ref::<TimestampMillisecondArray>();
        let want = at(want);
        let want = want.as_any().downcast_ref::<TimestampMillisecondArray>();
        assert_eq!(value, want, "{expr}");
    }

    #[test]
    fn timestamps_move_by_intervals_of_every_kind() {
        let time = "2020-02-28T23:59:59.500";
        check(
            time,
            column(0) - interval(0, 0, 4_000_000_000),
            "2020-02-28T23:59:55.500",
        );
        check(
            time,
            column(0) + interval(0, 2, 0),
            "2020-03-01T23:59:59.500",
        );
        check(
            time,
            column(0) + interval(1, 0, 0),
            "2020-03-28T23:59:59.500",
        );
        check(
            time,
            column(0) - interval(12, 1, 0),
            "2019-02-27T23:59:59.500",
        );
    }

    #[test]
    fn only_what_is_a_whole_number_of_units_becomes_a_duration() {
        assert_eq!(
            in_unit(4_000_000_000, TimeUnit::Second),
            Some(ScalarValue::DurationSecond(Some(4)))
        );
        assert_eq!(in_unit(1_500_000_000, TimeUnit::Second), None);
        assert_eq!(nanos(&ScalarValue::new_interval_mdn(1, 0, 0)), None);
        assert_eq!(nanos(&ScalarValue::new_interval_mdn(0, i32::MAX, 0)), None);
    }
}
