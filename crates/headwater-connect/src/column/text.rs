//! Values from their text: what stands in a CSV cell, a JSON string or a JSON number.

use super::{Column, Scalar, ShapeKind, Values};
use crate::decimal;
use crate::temporal;

/// Why a value is not taken, without the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) &'static str);

type Taken = Result<(), Refusal>;

impl Column {
    /// Appends the value that `text` stands for.
    ///
    /// # Errors
    /// If it stands for none of the column's type.
    pub(crate) fn push_text(&mut self, text: &[u8]) -> Taken {
        let ShapeKind::Scalar(scalar) = &self.shape.kind else {
            return Err(Refusal("expected a nested value"));
        };
        match (&mut self.values, scalar) {
            (Values::Bytes(v), Scalar::Text) => {
                if !text.is_ascii() && std::str::from_utf8(text).is_err() {
                    return Err(Refusal("not valid UTF-8"));
                }
                v.data.extend_from_slice(text);
                v.end()?;
            }
            (Values::Bytes(v), Scalar::Binary) => {
                crate::base64::decode(text, &mut v.data)
                    .ok_or(Refusal("expected base64"))
                    .and_then(|()| v.end())?;
            }
            (Values::Bool(v), _) => v.append(boolean(text)?),
            (Values::I8(v), _) => v.push(integer(text)?),
            (Values::I16(v), _) => v.push(integer(text)?),
            (Values::I32(v), Scalar::Date) => {
                let days = temporal::parse_date(trimmed(text));
                v.push(days.ok_or(Refusal("expected a date"))?);
            }
            (Values::I32(v), _) => v.push(integer(text)?),
            (Values::I64(v), Scalar::Timestamp { unit, .. }) => {
                let time = temporal::parse_timestamp(trimmed(text), *unit, &mut self.days);
                v.push(time.ok_or(Refusal("expected a timestamp"))?);
            }
            (Values::I64(v), Scalar::Time(unit)) => {
                let nanos = temporal::parse_time(trimmed(text));
                let nanos = nanos.ok_or(Refusal("expected a time"))?;
                v.push(nanos / (1_000_000_000 / temporal::per_second(*unit)));
            }
            (Values::I64(v), _) => v.push(integer(text)?),
            (Values::F32(v), _) => v.push(float(text)?),
            (Values::F64(v), _) => v.push(float(text)?),
            (Values::I128(v), Scalar::Decimal { precision, scale }) => {
                v.push(decimal::parse(trimmed(text), *precision, *scale)?);
            }
            _ => return Err(Refusal("expected a nested value")),
        }
        self.pushed();
        Ok(())
    }

    /// Appends a boolean.
    ///
    /// # Errors
    /// If the column has another type than BOOLEAN or STRING.
    pub(crate) fn push_bool(&mut self, value: bool) -> Taken {
        match (&mut self.values, &self.shape.kind) {
            (Values::Bool(v), _) => v.append(value),
            (Values::Bytes(v), ShapeKind::Scalar(Scalar::Text)) => {
                let text: &[u8] = if value { b"true" } else { b"false" };
                v.data.extend_from_slice(text);
                v.end()?;
            }
            _ => return Err(Refusal("unexpected boolean")),
        }
        self.pushed();
        Ok(())
    }

    /// Whether a bare number (no string) may stand for a value of this column.
    pub(crate) fn takes_numbers(&self) -> bool {
        match &self.shape.kind {
            ShapeKind::Scalar(scalar) => !matches!(
                scalar,
                Scalar::Bool
                    | Scalar::Binary
                    | Scalar::Date
                    | Scalar::Time(_)
                    | Scalar::Timestamp { .. }
            ),
            _ => false,
        }
    }
}

/// `text` without white space around it, of which there mostly is none.
#[inline]
fn trimmed(text: &[u8]) -> &[u8] {
    let is_space = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_whitespace);
    if is_space(text.first()) || is_space(text.last()) {
        return text.trim_ascii();
    }
    text
}

fn boolean(text: &[u8]) -> Result<bool, Refusal> {
    let text = trimmed(text);
    if text.eq_ignore_ascii_case(b"true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case(b"false") {
        Ok(false)
    } else {
        Err(Refusal("expected true or false"))
    }
}

fn float<T: std::str::FromStr>(text: &[u8]) -> Result<T, Refusal> {
    std::str::from_utf8(trimmed(text))
        .ok()
        .and_then(|t| t.parse().ok())
        .ok_or(Refusal("expected a number"))
}

fn integer<T: TryFrom<i64>>(text: &[u8]) -> Result<T, Refusal> {
    let value = plain_integer(text).map_or_else(|| whole_number(text), Ok)?;
    T::try_from(value).map_err(|_| Refusal("number out of range"))
}

/// The common case: a sign and at most 18 digits.
fn plain_integer(text: &[u8]) -> Option<i64> {
    let (negative, digits) = match text.split_first()? {
        (b'-', digits) => (true, digits),
        _ => (false, text),
    };
    if digits.is_empty() || digits.len() > 18 {
        return None;
    }
    let mut value = 0_i64;
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            return None;
        }
        value = value * 10 + i64::from(digit);
    }
    Some(if negative { -value } else { value })
}

/// The others: long ones, and `1e3` or `2.0`, which are whole numbers as well.
fn whole_number(text: &[u8]) -> Result<i64, Refusal> {
    const REASON: Refusal = Refusal("expected a whole number");
    let value = decimal::exact_whole(trimmed(text)).ok_or(REASON)?;
    i64::try_from(value).map_err(|_| Refusal("number out of range"))
}
