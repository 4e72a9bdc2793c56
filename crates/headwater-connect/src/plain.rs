//! Values without parts as bare text: what stands between the delimiters of CSV and the brackets of `print`.

use std::io::Write;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};

use crate::temporal::{self, TimestampStyle};
use crate::{base64, decimal, ticks};

/// Writes a value that is not null; `false` if its type has parts.
pub(crate) fn write(
    column: &dyn Array,
    row: usize,
    style: TimestampStyle,
    out: &mut Vec<u8>,
) -> bool {
    match column.data_type() {
        DataType::Boolean => show(column.as_boolean().value(row), out),
        DataType::Int8 => show(column.as_primitive::<Int8Type>().value(row), out),
        DataType::Int16 => show(column.as_primitive::<Int16Type>().value(row), out),
        DataType::Int32 => show(column.as_primitive::<Int32Type>().value(row), out),
        DataType::Int64 => show(column.as_primitive::<Int64Type>().value(row), out),
        DataType::Float32 => float(column.as_primitive::<Float32Type>().value(row), out),
        DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row), out),
        DataType::Decimal128(_, scale) => {
            let value = column.as_primitive::<Decimal128Type>().value(row);
            decimal::write(value, *scale, out);
        }
        DataType::Utf8 => out.extend_from_slice(column.as_string::<i32>().value(row).as_bytes()),
        DataType::Binary => base64::encode(column.as_binary::<i32>().value(row), out),
        other => return write_time(column, other, row, style, out),
    }
    true
}

fn write_time(
    column: &dyn Array,
    data_type: &DataType,
    row: usize,
    style: TimestampStyle,
    out: &mut Vec<u8>,
) -> bool {
    match data_type {
        DataType::Date32 => {
            let days = column.as_primitive::<Date32Type>().value(row);
            temporal::write_date(days.into(), out);
        }
        DataType::Time32(unit) | DataType::Time64(unit) => {
            temporal::write_time(ticks::value(column, row), *unit, style, out);
        }
        DataType::Timestamp(unit, zone) => {
            temporal::write_timestamp(ticks::value(column, row), *unit, style, out);
            if zone.is_some() {
                out.push(b'Z');
            }
        }
        _ => return false,
    }
    true
}

fn show(value: impl std::fmt::Display, out: &mut Vec<u8>) {
    write!(out, "{value}").expect("a vector takes every byte");
}

/// The shortest text that reads back as the same float.
fn float<T: Into<f64> + Copy + std::fmt::Debug>(value: T, out: &mut Vec<u8>) {
    let wide: f64 = value.into();
    if wide.is_infinite() {
        out.extend_from_slice(if wide > 0.0 {
            b"Infinity"
        } else {
            b"-Infinity"
        });
    } else {
        write!(out, "{value:?}").expect("a vector takes every byte");
    }
}
