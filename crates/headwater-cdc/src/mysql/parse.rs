//! Values from the text that a SELECT gives, the same as those that the log gives.

use bytes::Bytes;
use headwater_log::Result;

use super::charset::Charset;
use super::failure::malformed;
use super::kind::Kind;
use super::reader::Reader;
use super::temporal::DateTime;
use super::value::Value;

impl Value {
    /// What a SELECT gives for a column of this kind; see [`super::Snapshot`] for how it is asked for.
    pub(super) fn parse(kind: &Kind, cell: Option<&Bytes>) -> Result<Self> {
        let Some(bytes) = cell else {
            return Ok(Self::Null);
        };
        Ok(match kind {
            Kind::Int {
                is_unsigned: false, ..
            } => Self::Int(number(bytes)?),
            Kind::Int { .. } => Self::UInt(number(bytes)?),
            Kind::Bit { .. } => Self::Bits(number(bytes)?),
            Kind::Year => Self::Year(number(bytes)?),
            Kind::Float => Self::Float(number::<f64>(bytes)? as f32),
            Kind::Double => Self::Double(number(bytes)?),
            Kind::Decimal { .. } => Self::Decimal(text(bytes)?.to_owned()),
            Kind::Date => Self::Date(datetime(text(bytes)?)?),
            Kind::DateTime { .. } | Kind::Timestamp { .. } => {
                Self::DateTime(datetime(text(bytes)?)?)
            }
            Kind::Time { .. } => Self::Time(time(text(bytes)?)?),
            Kind::Geometry { .. } => {
                let mut reader = Reader::new(bytes.clone(), "geometry");
                Self::Geometry {
                    srid: reader.u32()?,
                    wkb: reader.rest(),
                }
            }
            Kind::Char {
                charset: Charset::Binary,
                ..
            }
            | Kind::Varchar {
                charset: Charset::Binary,
                ..
            }
            | Kind::Blob {
                charset: Charset::Binary,
                ..
            }
            | Kind::Vector { .. }
            | Kind::Unknown { .. } => Self::Bytes(bytes.clone()),
            _ => Self::Text(bytes.clone()),
        })
    }
}

fn text(bytes: &[u8]) -> Result<&str> {
    std::str::from_utf8(bytes).map_err(|_| malformed("value"))
}

fn number<N: std::str::FromStr>(bytes: &[u8]) -> Result<N> {
    text(bytes)?.parse().map_err(|_| malformed("number"))
}

/// `YYYY-MM-DD[ hh:mm:ss[.ffffff]]`
fn datetime(text: &str) -> Result<DateTime> {
    let (date, time) = text.split_once(' ').unwrap_or((text, "0:0:0"));
    let mut parts = date.split('-').map(str::parse::<u16>);
    let mut next = || parts.next()?.ok();
    let date = (|| Some((next()?, next()?, next()?)))();
    let (Some((year, month, day)), Some((hour, minute, second, micros))) = (date, clock(time))
    else {
        return Err(malformed("date"));
    };
    Ok(DateTime {
        year,
        month: month as u8,
        day: day as u8,
        hour: hour as u8,
        minute: minute as u8,
        second: second as u8,
        micros,
    })
}

/// `[-]hhh:mm:ss[.ffffff]`
fn time(text: &str) -> Result<i64> {
    let (sign, rest) = match text.strip_prefix('-') {
        Some(rest) => (-1, rest),
        None => (1, text),
    };
    let Some((hour, minute, second, micros)) = clock(rest) else {
        return Err(malformed("time"));
    };
    let seconds = (i64::from(hour) * 60 + i64::from(minute)) * 60 + i64::from(second);
    Ok(sign * (seconds * 1_000_000 + i64::from(micros)))
}

fn clock(text: &str) -> Option<(u32, u32, u32, u32)> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let mut parts = whole.split(':').map(str::parse::<u32>);
    let mut next = || parts.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let micros = match fraction.len() {
        0 => 0,
        length @ 1..=6 => fraction.parse::<u32>().ok()? * 10_u32.pow(6 - length as u32),
        _ => return None,
    };
    Some((hour, minute, second, micros))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_what_they_were() {
        assert_eq!(time("-838:59:59.5").unwrap(), -3_020_399_500_000);
        let date = datetime("2026-00-31 23:00:01.000020").unwrap();
        assert_eq!(date.text(6), "2026-00-31 23:00:01.000020");
        assert!(datetime("now").is_err() && time("1:2").is_err());
    }
}
