//! What values are compared with, and how.

use std::cmp::Ordering;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind};

use crate::filter::Literal;
use crate::mysql::{Charset, Kind, Value};

/// What values of a column are compared with.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Whole(i128),
    Decimal(Decimal),
    Double(f64),
    Time(Value),
    Text(Bytes),
}

/// The digits of a number: those before the point without zeros at the front, those behind it without zeros at the end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decimal {
    is_negative: bool,
    whole: String,
    fraction: String,
}

/// Why a value cannot be compared with what stands in a condition.
pub(super) enum Refusal {
    Number,
    Text,
    Time,
    Order,
    Kind,
}

impl Refusal {
    pub(super) fn of(self, column: &str) -> Error {
        let (kind, why) = match self {
            Self::Number => (ErrorKind::Invalid, "has numbers, not what is in quotes"),
            Self::Text => (
                ErrorKind::Invalid,
                "has texts: put what it is compared with in quotes",
            ),
            Self::Time => (
                ErrorKind::Invalid,
                "has times: write '2026-01-31', '2026-01-31 23:59:59.5' or '23:59:59', in UTC if it is a TIMESTAMP",
            ),
            Self::Order => (
                ErrorKind::Unsupported,
                "has texts, whose order depends on the collation: they can be compared by =, <> and IN",
            ),
            Self::Kind => (
                ErrorKind::Unsupported,
                "has values that can only be asked for by IS NULL",
            ),
        };
        Error::new(kind, format!("column '{column}' of a condition {why}"))
    }
}

/// What stands in a condition, as it is compared with the values of a column.
pub(super) fn operand(kind: &Kind, literal: &Literal) -> std::result::Result<Operand, Refusal> {
    match (kind, literal) {
        (
            Kind::Int { .. }
            | Kind::Bit { .. }
            | Kind::Year
            | Kind::Decimal { .. }
            | Kind::Float
            | Kind::Double,
            Literal::Text(_),
        ) => Err(Refusal::Number),
        (Kind::Float | Kind::Double, Literal::Number(digits)) => digits
            .parse()
            .map(Operand::Double)
            .map_err(|_| Refusal::Number),
        (Kind::Int { .. } | Kind::Bit { .. } | Kind::Year, Literal::Number(digits)) => Ok(digits
            .parse()
            .map_or_else(|_| Operand::Decimal(Decimal::of(digits)), Operand::Whole)),
        (Kind::Decimal { .. }, Literal::Number(digits)) => {
            Ok(Operand::Decimal(Decimal::of(digits)))
        }
        (
            Kind::Date | Kind::DateTime { .. } | Kind::Timestamp { .. } | Kind::Time { .. },
            literal,
        ) => {
            let Literal::Text(text) = literal else {
                return Err(Refusal::Time);
            };
            let value = Value::parse(kind, Some(&Bytes::copy_from_slice(text.as_bytes())));
            let value = value.ok().filter(|value| is_such(value, kind, text));
            value.map(Operand::Time).ok_or(Refusal::Time)
        }
        (
            Kind::Char { charset, .. } | Kind::Varchar { charset, .. } | Kind::Blob { charset, .. },
            _,
        ) if *charset == Charset::Binary => Err(Refusal::Kind),
        (
            Kind::Char { .. }
            | Kind::Varchar { .. }
            | Kind::Blob { .. }
            | Kind::Enum { .. }
            | Kind::Set { .. }
            | Kind::Uuid,
            Literal::Number(_),
        ) => Err(Refusal::Text),
        (Kind::Uuid, Literal::Text(text)) => Ok(Operand::Text(text.to_lowercase().into())),
        (
            Kind::Char { .. }
            | Kind::Varchar { .. }
            | Kind::Blob { .. }
            | Kind::Enum { .. }
            | Kind::Set { .. },
            Literal::Text(text),
        ) => Ok(Operand::Text(text.clone().into())),
        _ => Err(Refusal::Kind),
    }
}

/// Whether a time is what a text says of it, and not what remained of numbers that are too large.
fn is_such(value: &Value, kind: &Kind, text: &str) -> bool {
    let numbers = |text: &str| -> Vec<u32> {
        let parts = text.split(|c: char| !c.is_ascii_digit());
        parts.filter_map(|part| part.parse().ok()).collect()
    };
    let counted = match value {
        Value::DateTime(_) => 6,
        _ => 3,
    };
    let shown = numbers(&value.to_text(kind).unwrap_or_default());
    let said = numbers(text);
    said.len() >= 3 && shown.iter().zip(&said).take(counted).all(|(a, b)| a == b)
}

impl Operand {
    /// How a value compares with it.
    pub(super) fn compare(&self, value: &Value) -> Option<Ordering> {
        match (value, self) {
            (Value::Float(number), Self::Double(wanted)) => f64::from(*number).partial_cmp(wanted),
            (Value::Double(number), Self::Double(wanted)) => number.partial_cmp(wanted),
            (Value::Decimal(digits), Self::Decimal(wanted)) => {
                Some(Decimal::of(digits).cmp(wanted))
            }
            (value, Self::Whole(wanted)) => whole(value).map(|number| number.cmp(wanted)),
            (value, Self::Decimal(wanted)) => {
                whole(value).map(|number| Decimal::of(&number.to_string()).cmp(wanted))
            }
            (
                Value::Date(time) | Value::DateTime(time),
                Self::Time(Value::Date(wanted) | Value::DateTime(wanted)),
            ) => Some(time.cmp(wanted)),
            (Value::Time(micros), Self::Time(Value::Time(wanted))) => Some(micros.cmp(wanted)),
            (Value::Text(text), Self::Text(wanted)) => Some(text.cmp(wanted)),
            _ => None,
        }
    }
}

fn whole(value: &Value) -> Option<i128> {
    Some(match value {
        Value::Int(number) => i128::from(*number),
        Value::UInt(number) | Value::Bits(number) => i128::from(*number),
        Value::Year(year) => i128::from(*year),
        _ => return None,
    })
}

impl Decimal {
    pub(super) fn of(digits: &str) -> Self {
        let (is_negative, rest) = match digits.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, digits.strip_prefix('+').unwrap_or(digits)),
        };
        let (whole, fraction) = rest.split_once('.').unwrap_or((rest, ""));
        let (whole, fraction) = (
            whole.trim_start_matches('0'),
            fraction.trim_end_matches('0'),
        );
        Self {
            is_negative: is_negative && !(whole.is_empty() && fraction.is_empty()),
            whole: whole.to_owned(),
            fraction: fraction.to_owned(),
        }
    }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        let size = |one: &Self, other: &Self| {
            let lengths = one.whole.len().cmp(&other.whole.len());
            // Behind the point what is longer goes on where the other has zeros.
            lengths
                .then_with(|| one.whole.cmp(&other.whole))
                .then_with(|| one.fraction.cmp(&other.fraction))
        };
        match (self.is_negative, other.is_negative) {
            (false, false) => size(self, other),
            (true, true) => size(other, self),
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
