//! The number behind a time or timestamp, whatever its unit.

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Time32MillisecondType, Time32SecondType, Time64MicrosecondType, Time64NanosecondType,
    TimeUnit, TimestampMicrosecondType, TimestampMillisecondType, TimestampNanosecondType,
    TimestampSecondType,
};

/// The value of a TIME or TIMESTAMP column in the column's own unit; 0 for other types.
pub(crate) fn value(column: &dyn Array, row: usize) -> i64 {
    use TimeUnit::{Microsecond, Millisecond, Nanosecond, Second};
    match column.data_type() {
        DataType::Timestamp(Second, _) => column.as_primitive::<TimestampSecondType>().value(row),
        DataType::Timestamp(Millisecond, _) => {
            column.as_primitive::<TimestampMillisecondType>().value(row)
        }
        DataType::Timestamp(Microsecond, _) => {
            column.as_primitive::<TimestampMicrosecondType>().value(row)
        }
        DataType::Timestamp(Nanosecond, _) => {
            column.as_primitive::<TimestampNanosecondType>().value(row)
        }
        DataType::Time32(Second) => column.as_primitive::<Time32SecondType>().value(row).into(),
        DataType::Time32(_) => column
            .as_primitive::<Time32MillisecondType>()
            .value(row)
            .into(),
        DataType::Time64(Microsecond) => column.as_primitive::<Time64MicrosecondType>().value(row),
        DataType::Time64(_) => column.as_primitive::<Time64NanosecondType>().value(row),
        _ => 0,
    }
}
