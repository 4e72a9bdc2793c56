//! Rows as JSON objects: numbers exact, decimals as plain numbers, timestamps as Flink writes them.

use headwater_flow::connector::{FormatRequest, ValueEncoder};
use headwater_flow::{Result, ZBatch};

use super::bound::{self, Bound, Member, Values};
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
        Self::of(request, "json")
    }

    /// An encoder of the rows of a format, whose options have its name.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub(super) fn of(request: &FormatRequest, format: &str) -> Result<Self> {
        StructShape::new(request.schema.fields(), 0)?;
        let option = |name: &str| format!("{format}.{name}");
        let style = match request.options.get(&option("timestamp-format.standard")) {
            Some("ISO-8601") => TimestampStyle::Iso,
            _ => TimestampStyle::Sql,
        };
        Ok(Self {
            style,
            skips_nulls: request
                .options
                .flag(&option("encode.ignore-null-fields"), false)?,
        })
    }

    fn object(&self, members: &[Member<'_>], row: usize, out: &mut Vec<u8>) {
        out.push(b'{');
        let mut is_first = true;
        for member in members {
            if self.skips_nulls && member.column.is_null(row) {
                continue;
            }
            if !is_first {
                out.push(b',');
            }
            is_first = false;
            out.extend_from_slice(&member.key);
            self.value(&member.column, row, out);
        }
        out.push(b'}');
    }

    fn value(&self, column: &Bound<'_>, row: usize, out: &mut Vec<u8>) {
        if column.is_null(row) {
            return out.extend_from_slice(b"null");
        }
        match &column.values {
            Values::Bool(v) => out.extend_from_slice(if v.value(row) { b"true" } else { b"false" }),
            Values::I8(v) => integer(v.value(row).into(), out),
            Values::I16(v) => integer(v.value(row).into(), out),
            Values::I32(v) => integer(v.value(row).into(), out),
            Values::I64(v) => integer(v.value(row), out),
            Values::F32(v) => float(v.value(row), out),
            Values::F64(v) => float(v.value(row), out),
            Values::Decimal(v, scale) => decimal::write(v.value(row), *scale, out),
            Values::Text(v) => quote(v.value(row).as_bytes(), out),
            Values::Struct(members) => self.object(members, row, out),
            Values::List(ends, items) => {
                out.push(b'[');
                for i in ends[row]..ends[row + 1] {
                    if i > ends[row] {
                        out.push(b',');
                    }
                    self.value(items, i as usize, out);
                }
                out.push(b']');
            }
            Values::Map(ends, entry) => {
                self.map(
                    &entry.0,
                    &entry.1,
                    ends[row] as usize..ends[row + 1] as usize,
                    out,
                );
            }
            _ => self.quoted(column, row, out),
        }
    }

    /// Values that are strings in JSON and nowhere else.
    fn quoted(&self, column: &Bound<'_>, row: usize, out: &mut Vec<u8>) {
        out.push(b'"');
        match &column.values {
            Values::Binary(v) => base64::encode(v.value(row), out),
            Values::Date(v) => temporal::write_date(v.value(row).into(), out),
            Values::Time(v, unit) => {
                temporal::write_time(ticks::value(*v, row), *unit, self.style, out);
            }
            Values::Timestamp {
                column,
                unit,
                is_zoned,
            } => {
                let value = ticks::value(*column, row);
                temporal::write_timestamp(value, *unit, self.style, out);
                if *is_zoned {
                    out.push(b'Z');
                }
            }
            _ => {}
        }
        out.push(b'"');
    }

    fn map(
        &self,
        keys: &Bound<'_>,
        values: &Bound<'_>,
        entries: std::ops::Range<usize>,
        out: &mut Vec<u8>,
    ) {
        out.push(b'{');
        let mut key = Vec::new();
        for i in entries.clone() {
            if i > entries.start {
                out.push(b',');
            }
            key.clear();
            self.value(keys, i, &mut key);
            if key.starts_with(b"\"") {
                out.extend_from_slice(&key);
            } else {
                quote(&key, out);
            }
            out.push(b':');
            self.value(values, i, out);
        }
        out.push(b'}');
    }
}

impl ValueEncoder for JsonEncoder {
    fn encode(&self, rows: &ZBatch, out: &mut Vec<u8>, ends: &mut Vec<usize>) -> Result<()> {
        let batch = rows.rows();
        let members = bound::members(batch.schema_ref().fields(), batch.columns());
        ends.reserve(batch.num_rows());
        for row in 0..batch.num_rows() {
            self.object(&members, row, out);
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
