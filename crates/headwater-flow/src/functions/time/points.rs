//! Points in time as microseconds since the epoch, and the fields of them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, Int64Array, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::civil::Civil;
use super::specs::micros;
use crate::functions::spec::{result, rows};

/// The argument as microseconds since the epoch.
pub(super) fn points(value: &ColumnarValue, rows: usize) -> Result<Int64Array> {
    let array = value.to_array(rows)?;
    if let DataType::Timestamp(unit, _) = array.data_type() {
        let raw: ArrayRef = match unit {
            TimeUnit::Microsecond => arrow::compute::cast(&array, &DataType::Int64)?,
            TimeUnit::Millisecond | TimeUnit::Second => {
                let factor = if *unit == TimeUnit::Second {
                    1_000_000
                } else {
                    1_000
                };
                let raw = arrow::compute::cast(&array, &DataType::Int64)?;
                Arc::new(
                    raw.as_primitive::<Int64Type>()
                        .unary::<_, Int64Type>(|v| v.saturating_mul(factor)),
                )
            }
            TimeUnit::Nanosecond => {
                let raw = arrow::compute::cast(&array, &DataType::Int64)?;
                Arc::new(
                    raw.as_primitive::<Int64Type>()
                        .unary::<_, Int64Type>(|v| v.div_euclid(1_000)),
                )
            }
        };
        return Ok(raw.as_primitive::<Int64Type>().clone());
    }
    let cast = arrow::compute::cast(&array, &micros())?;
    let cast = cast.as_primitive::<TimestampMicrosecondType>();
    Ok(cast.reinterpret_cast::<Int64Type>())
}

/// The fields of the calendar; the rows of one day are computed once.
pub(super) fn time_field(
    args: &ScalarFunctionArgs,
    field: fn(&Civil) -> i64,
) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let last = std::cell::Cell::new((i64::MIN, 0));
    let fields = points.unary::<_, Int64Type>(|micros| {
        let day = micros.div_euclid(86_400_000_000);
        if day != last.get().0 {
            last.set((day, field(&Civil::new(micros))));
        }
        last.get().1
    });
    result(args, Arc::new(fields))
}

pub(super) fn clock_field(
    args: &ScalarFunctionArgs,
    unit: i64,
    modulus: i64,
) -> Result<ColumnarValue> {
    let points = points(&args.args[0], rows(args))?;
    let fields = points.unary::<_, Int64Type>(|v| v.div_euclid(unit).rem_euclid(modulus));
    result(args, Arc::new(fields))
}

pub(super) fn millis_array(micros: &Int64Array, zone: Option<&str>) -> ArrayRef {
    let millis =
        micros.unary::<_, arrow::datatypes::TimestampMillisecondType>(|v| v.div_euclid(1_000));
    let millis: TimestampMillisecondArray = millis.with_timezone_opt(zone.map(Arc::<str>::from));
    Arc::new(millis)
}
