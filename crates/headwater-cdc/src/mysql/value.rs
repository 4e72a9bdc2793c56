//! Values of rows, exactly as the server has them.

use bytes::Bytes;

use super::kind::Kind;
use super::temporal::{DateTime, time_text};

/// A value of a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// There is none.
    Null,
    /// A whole number.
    Int(i64),
    /// A whole number of an unsigned column.
    UInt(u64),
    /// The digits of a `DECIMAL`.
    Decimal(String),
    /// A `FLOAT`.
    Float(f32),
    /// A `DOUBLE`.
    Double(f64),
    /// A `BIT`.
    Bits(u64),
    /// A `YEAR`: 0, or 1901 to 2155.
    Year(u16),
    /// A `DATE`.
    Date(DateTime),
    /// A `DATETIME`, or a `TIMESTAMP` in UTC.
    DateTime(DateTime),
    /// A `TIME`, in microseconds.
    Time(i64),
    /// UTF-8: texts, `ENUM`, `SET`, JSON, `UUID`, `INET6`.
    Text(Bytes),
    /// Bytes that are no text.
    Bytes(Bytes),
    /// A shape in space.
    Geometry {
        /// The reference system that its numbers are of.
        srid: u32,
        /// The shape as WKB.
        wkb: Bytes,
    },
}

impl Value {
    /// The text that the server gives for it; `None`: null, or bytes.
    ///
    /// Floats have as many digits as make them the same again, which is more than the server gives for a `FLOAT`.
    pub fn to_text(&self, kind: &Kind) -> Option<String> {
        Some(match self {
            Self::Null | Self::Bytes(_) | Self::Geometry { .. } => return None,
            Self::Int(number) => number.to_string(),
            Self::UInt(number) | Self::Bits(number) => number.to_string(),
            Self::Decimal(digits) => digits.clone(),
            Self::Float(number) => number.to_string(),
            Self::Double(number) => number.to_string(),
            Self::Year(year) => format!("{year:04}"),
            Self::Date(date) => date.date_text(),
            Self::DateTime(time) => time.text(kind.digits()),
            Self::Time(micros) => time_text(*micros, kind.digits()),
            Self::Text(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        })
    }
}
