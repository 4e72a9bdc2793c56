//! Rows as JSON objects: numbers exact, decimals as plain numbers, timestamps as Flink writes them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, StructArray};
use arrow::datatypes::{
    DataType, Date32Type, Decimal128Type, Float32Type, Float64Type, Int8Type, Int16Type, Int32Type,
    Int64Type,
};
use headwater_flow::connector::{FormatRequest, ValueEncoder};
use headwater_flow::{Error, ErrorKind, Result, ZBatch};

use super::escape::quote;
use crate::column::StructShape;
use crate::temporal::{self, TimestampStyle};
use crate::{base64, decimal, ticks};

/// Encodes rows as JSON objects.
#[derive(Debug)]
pub struct JsonEncoder {
    style: TimestampStyle,
    skips_nulls: bool,
}

impl JsonEncoder {
    /// An encoder for rows of the request's schema.
    ///
    /// # Errors
    /// `Unsupported` for a column type that JSON cannot carry, `Invalid` for a wrong option.
    pub fn new(request: &FormatRequest) -> Result<Self> {
        StructShape::new(request.schema.fields(), 0)?;
        let style = match request
            .options
            .get_or("json.timestamp-format.standard", "SQL")
        {
            s if s.eq_ignore_ascii_case("sql") => TimestampStyle::Sql,
            s if s.eq_ignore_ascii_case("iso-8601") => TimestampStyle::Iso,
            other => {
                let text = format!(
                    "option 'json.timestamp-format.standard' does not understand '{other}'"
                );
                return Err(Error::new(ErrorKind::Invalid, text).with_hint("write SQL or ISO-8601"));
            }
        };
        Ok(Self {
            style,
            skips_nulls: request
                .options
                .flag("json.encode.ignore-null-fields", false)?,
        })
    }

    fn object(&self, fields: &[(Vec<u8>, &ArrayRef)], row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_first = true;
        for (key, column) in fields {
            if self.skips_nulls && column.is_null(row) {
                continue;
            }
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            out.extend_from_slice(key);
            self.value(column.as_ref(), row, out);
        }
        out.push(b'}');
    }

    fn value(&self, column: &dyn Array, row: usize, out: &mut Vec<u8>) {
        if column.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match column.data_type() {
            DataType::Boolean => {
                let value = column.as_boolean().value(row);
                out.extend_from_slice(if value { b"true" } else { b"false" });
            }
            DataType::Int8 => integer(column.as_primitive::<Int8Type>().value(row).into(), out),
            DataType::Int16 => integer(column.as_primitive::<Int16Type>().value(row).into(), out),
            DataType::Int32 => integer(column.as_primitive::<Int32Type>().value(row).into(), out),
            DataType::Int64 => integer(column.as_primitive::<Int64Type>().value(row), out),
            DataType::Float32 => float(column.as_primitive::<Float32Type>().value(row), out),
            DataType::Float64 => float(column.as_primitive::<Float64Type>().value(row), out),
            DataType::Decimal128(_, scale) => {
                let value = column.as_primitive::<Decimal128Type>().value(row);
                decimal::write(value, *scale, out);
            }
            DataType::Utf8 => quote(column.as_string::<i32>().value(row).as_bytes(), out),
            DataType::Binary => {
                out.push(b'"');
                base64::encode(column.as_binary::<i32>().value(row), out);
                out.push(b'"');
            }
            DataType::Struct(_) => self.object(&keyed(column.as_struct()), row, out),
            DataType::List(_) => self.list(&column.as_list::<i32>().value(row), out),
            DataType::Map(_, _) => self.map(&column.as_map().value(row), out),
            other => self.time(column, other, row, out),
        }
    }

    fn time(&self, column: &dyn Array, data_type: &DataType, row: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        match data_type {
            DataType::Date32 => {
                let days = column.as_primitive::<Date32Type>().value(row);
                temporal::write_date(days.into(), out);
            }
            DataType::Time32(unit) | DataType::Time64(unit) => {
                temporal::write_time(ticks::value(column, row), *unit, self.style, out);
            }
            DataType::Timestamp(unit, zone) => {
                let value = ticks::value(column, row);
                temporal::write_timestamp(value, *unit, self.style, out);
                if zone.is_some() {
                    out.push(b'Z');
                }
            }
            // The constructor has refused every other type.
            _ => {}
        }
        out.push(b'"');
    }

    fn list(&self, items: &ArrayRef, out: &mut Vec<u8>) {
        out.push(b'[');
        for i in 0..items.len() {
            if i > 0 {
                out.push(b',');
            }
            self.value(items.as_ref(), i, out);
        }
        out.push(b']');
    }

    fn map(&self, entries: &StructArray, out: &mut Vec<u8>) {
        let (keys, values) = (entries.column(0), entries.column(1));
        out.push(b'{');
        let mut key = Vec::new();
        for i in 0..entries.len() {
            if i > 0 {
                out.push(b',');
            }
            key.clear();
            self.value(keys.as_ref(), i, &mut key);
            if key.starts_with(b"\"") {
                out.extend_from_slice(&key);
            } else {
                quote(&key, out);
            }
            out.push(b':');
            self.value(values.as_ref(), i, out);
        }
        out.push(b'}');
    }
}

/// The children of a struct with their keys as they are written.
fn keyed(rows: &StructArray) -> Vec<(Vec<u8>, &ArrayRef)> {
    let names = rows.fields().iter().map(|f| f.name().as_str());
    names.map(key).zip(rows.columns()).collect()
}

fn key(name: &str) -> Vec<u8> {
    let mut text = Vec::with_capacity(name.len() + 3);
    quote(name.as_bytes(), &mut text);
    text.push(b':');
    text
}

impl ValueEncoder for JsonEncoder {
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let batch = rows.rows();
        let schema = Arc::clone(&batch.schema());
        let names = schema.fields().iter().map(|f| key(f.name()));
        let fields: Vec<(Vec<u8>, &ArrayRef)> = names.zip(batch.columns()).collect();
        ends.reserve(batch.num_rows());
        for row in 0..batch.num_rows() {
            self.object(&fields, row, out);
            ends.push(out.len());
        }
        Ok(())
    }
}

fn integer(value: i64, out: &mut Vec<u8>) {
    let mut digits = [0_u8; 20];
    let mut at = digits.len();
    let mut rest = value.unsigned_abs();
    loop {
        at -= 1;
        digits[at] = b'0' + (rest % 10) as u8;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    if value < 0 {
        out.push(b'-');
    }
    out.extend_from_slice(&digits[at..]);
}

/// The shortest text that reads back as the same float; what JSON has no number for is a string.
fn float<T: Into<f64> + Copy + std::fmt::Debug>(value: T, out: &mut Vec<u8>) {
    use std::io::Write;
    let wide: f64 = value.into();
    let written = if wide.is_nan() {
        out.write_all(b"\"NaN\"")
    } else if wide.is_infinite() {
        out.write_all(if wide > 0.0 {
            b"\"Infinity\""
        } else {
            b"\"-Infinity\""
        })
    } else {
        write!(out, "{value:?}")
    };
    written.expect("a vector takes every byte");
}
