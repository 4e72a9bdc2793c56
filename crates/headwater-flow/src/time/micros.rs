//! Timestamp columns as microseconds and back.

use std::sync::Arc;

use arrow::array::types::{
    TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};
use arrow::array::{
    Array, ArrayRef, AsArray, Int64Array, TimestampMicrosecondArray, TimestampMillisecondArray,
    TimestampNanosecondArray, TimestampSecondArray,
};
use arrow::datatypes::{DataType, TimeUnit};

use crate::error::{Error, ErrorKind, Result};

/// A timestamp column of any unit (or BIGINT microseconds) as microseconds: finer units are floored, values that do
/// not fit are held at the ends of the range, nulls stay.
///
/// # Errors
/// `Bug` for a column of another type.
pub fn to_micros(column: &dyn Array) -> Result<Int64Array> {
    let micros = match column.data_type() {
        DataType::Timestamp(TimeUnit::Second, _) => column
            .as_primitive::<TimestampSecondType>()
            .unary(|v| v.saturating_mul(1_000_000)),
        DataType::Timestamp(TimeUnit::Millisecond, _) => column
            .as_primitive::<TimestampMillisecondType>()
            .unary(|v| v.saturating_mul(1_000)),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let column = column.as_primitive::<TimestampMicrosecondType>();
            Int64Array::new(column.values().clone(), column.nulls().cloned())
        }
        DataType::Timestamp(TimeUnit::Nanosecond, _) => column
            .as_primitive::<TimestampNanosecondType>()
            .unary(|v| v.div_euclid(1_000)),
        DataType::Int64 => column.as_primitive().clone(),
        other => {
            return Err(Error::new(
                ErrorKind::Bug,
                format!("a time column has type {other}"),
            ));
        }
    };
    Ok(micros)
}

/// Microseconds as a timestamp column of `data_type`, floored to its unit.
///
/// # Errors
/// `Bug` if `data_type` is not a timestamp.
pub fn from_micros(micros: &[i64], data_type: &DataType) -> Result<ArrayRef> {
    let DataType::Timestamp(unit, zone) = data_type else {
        return Err(Error::new(
            ErrorKind::Bug,
            format!("a window bound has type {data_type}"),
        ));
    };
    let values = micros.iter().copied();
    Ok(match unit {
        TimeUnit::Second => Arc::new(
            TimestampSecondArray::from_iter_values(values.map(|v| v.div_euclid(1_000_000)))
                .with_timezone_opt(zone.clone()),
        ),
        TimeUnit::Millisecond => Arc::new(
            TimestampMillisecondArray::from_iter_values(values.map(|v| v.div_euclid(1_000)))
                .with_timezone_opt(zone.clone()),
        ),
        TimeUnit::Microsecond => Arc::new(
            TimestampMicrosecondArray::from_iter_values(values).with_timezone_opt(zone.clone()),
        ),
        TimeUnit::Nanosecond => Arc::new(
            TimestampNanosecondArray::from_iter_values(values.map(|v| v.saturating_mul(1_000)))
                .with_timezone_opt(zone.clone()),
        ),
    })
}
