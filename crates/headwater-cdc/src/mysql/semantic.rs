//! Values of MariaDB and MySQL as Debezium's: which type is which, and what its values become.
//!
//! | type | Debezium's |
//! |---|---|
//! | `BIT(1)`, other `BIT` | boolean, the bytes with the lowest first |
//! | `INT UNSIGNED`, `BIGINT UNSIGNED` | int64; what is beyond it is written as the number that it is |
//! | `TIME` | microseconds, whatever its digits |
//! | `DATETIME` | milliseconds, with more than three digits microseconds, of a clock that shows UTC |
//! | `TIMESTAMP` | a string in UTC with the column's digits |
//! | dates that no calendar has | null, or the column's default, or the beginning of 1970 |

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::charset::Charset;
use super::failure::malformed;
use super::kind::Kind;
use super::reader::Reader;
use super::temporal::DateTime;
use super::value::Value;
use crate::debezium::{Decimals, Digits, FieldSchema, Modes, Semantic, Unsigned};
use crate::json;
use crate::postgres::{iso_date, iso_time, iso_timestamp};

/// Microseconds.
const DAY: i64 = 86_400_000_000;

/// What a type is to Debezium.
pub(super) fn of(kind: &Kind, modes: Modes) -> Semantic {
    usual(kind, modes).under(modes)
}

fn usual(kind: &Kind, modes: Modes) -> Semantic {
    match kind {
        Kind::Int { bytes: 1, .. }
        | Kind::Int {
            bytes: 2,
            is_unsigned: false,
        } => Semantic::Int16,
        Kind::Int { bytes: 2 | 3, .. }
        | Kind::Int {
            bytes: 4,
            is_unsigned: false,
        } => Semantic::Int32,
        Kind::Int {
            bytes: 8,
            is_unsigned: true,
        } if modes.unsigned == Unsigned::Precise => Semantic::Decimal {
            precision: None,
            scale: 0,
        },
        Kind::Int { .. } => Semantic::Int64,
        Kind::Float => Semantic::Float,
        Kind::Double => Semantic::Double,
        Kind::Decimal { precision, scale } => match modes.decimals {
            Decimals::Precise => Semantic::Decimal {
                precision: Some(u16::from(*precision)),
                scale: i16::from(*scale),
            },
            Decimals::String => Semantic::String,
            Decimals::Double => Semantic::Double,
        },
        Kind::Bit { bits: 1 } => Semantic::Boolean,
        Kind::Bit { bits } => Semantic::Bits(u32::from(*bits)),
        Kind::Year => Semantic::Year,
        Kind::Date => Semantic::Date,
        Kind::Time { .. } => Semantic::MicroTime,
        Kind::DateTime { digits: 0..=3 } => Semantic::Timestamp,
        Kind::DateTime { .. } => Semantic::MicroTimestamp,
        Kind::Timestamp { .. } => Semantic::ZonedTimestamp,
        Kind::Char { charset, .. } | Kind::Varchar { charset, .. } | Kind::Blob { charset, .. } => {
            match charset {
                Charset::Binary => Semantic::Bytes,
                _ => Semantic::String,
            }
        }
        Kind::Enum { names, .. } => Semantic::Enum(labels(names)),
        Kind::Set { names, .. } => Semantic::EnumSet(labels(names)),
        Kind::Json { .. } => Semantic::Json,
        Kind::Geometry { is_point: true, .. } => Semantic::Point,
        Kind::Geometry { .. } => Semantic::Geometry,
        Kind::Uuid => Semantic::Uuid,
        Kind::Inet6 | Kind::Inet4 => Semantic::String,
        Kind::Vector { .. } | Kind::Unknown { .. } => Semantic::Bytes,
    }
}

fn labels(names: &[Bytes]) -> Vec<String> {
    let label = |name: &Bytes| String::from_utf8_lossy(name).into_owned();
    names.iter().map(label).collect()
}

/// Writes a value.
///
/// # Errors
/// `Corrupt`.
pub(super) fn write(
    value: &Value,
    kind: &Kind,
    field: &FieldSchema,
    out: &mut Vec<u8>,
) -> Result<()> {
    match (value, &field.semantic) {
        (Value::Null, _) => out.extend_from_slice(&field.null()),
        (Value::Bits(bits), Semantic::Boolean) => {
            out.extend_from_slice(if *bits == 0 { b"false" } else { b"true" });
        }
        (Value::Bits(bits), _) => json::base64(&little_endian(*bits, kind), out),
        (Value::UInt(number), Semantic::Decimal { scale, .. }) => {
            let number = Digits::of(number.to_string().as_bytes())?;
            json::base64(&number.unscaled(i32::from(*scale))?, out);
        }
        (Value::Decimal(digits), Semantic::Decimal { scale, .. }) => {
            let number = Digits::of(digits.as_bytes())?;
            json::base64(&number.unscaled(i32::from(*scale))?, out);
        }
        (Value::Decimal(digits), Semantic::String) => json::string(digits.as_bytes(), out),
        (Value::Float(number), _) => out.extend_from_slice(format!("{number:?}").as_bytes()),
        (Value::Double(number), _) => out.extend_from_slice(format!("{number:?}").as_bytes()),
        (Value::Year(year), _) => put(i64::from(*year), out),
        (Value::Date(date), Semantic::IsoDate) => {
            iso_or_zero(date.days().map(iso_date), field, out)
        }
        (Value::Time(micros), Semantic::IsoTime) => match micros {
            0..DAY => json::string(iso_time(*micros).as_bytes(), out),
            _ => return Err(no_time_of_day()),
        },
        (Value::Date(date), _) => put_or_zero(date.days(), field, out),
        (Value::Time(micros), Semantic::ConnectTime) => put(micros.div_euclid(1000), out),
        (Value::Time(micros), _) => put(*micros, out),
        (Value::DateTime(time), semantic) => datetime(time, semantic, kind, field, out),
        (Value::Bytes(bytes), Semantic::BytesText(binary)) => binary.write(bytes, out),
        (Value::Bytes(bytes), _) => json::base64(bytes, out),
        (Value::Geometry { srid, wkb }, semantic) => geometry(*srid, wkb, semantic, out)?,
        (Value::Text(text), _) => json::string(text, out),
        (Value::Int(_) | Value::UInt(_) | Value::Decimal(_), _) => {
            out.extend_from_slice(value.to_text(kind).unwrap_or_default().as_bytes());
        }
    }
    Ok(())
}

fn put(number: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(number.to_string().as_bytes());
}

/// What stands for a date that no calendar has.
fn put_or_zero(number: Option<i64>, field: &FieldSchema, out: &mut Vec<u8>) {
    match number {
        Some(number) => put(number, out),
        None => out.extend_from_slice(&zero(field)),
    }
}

fn iso_or_zero(text: Option<String>, field: &FieldSchema, out: &mut Vec<u8>) {
    match text {
        Some(text) => json::string(text.as_bytes(), out),
        None => out.extend_from_slice(&zero(field)),
    }
}

/// Debezium has null for it.
fn no_time_of_day() -> Error {
    let text = "a TIME that is no time of a day cannot be a string of ISO 8601";
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("write times as numbers: times = \"adaptive\"")
}

/// What stands for a date that no calendar has, and for a default that is computed.
pub(super) fn zero(field: &FieldSchema) -> Vec<u8> {
    match (&field.semantic, field.is_optional, &field.default) {
        (Semantic::ZonedTimestamp, false, None) => b"\"1970-01-01T00:00:00Z\"".to_vec(),
        _ => field.null(),
    }
}

fn datetime(
    time: &DateTime,
    semantic: &Semantic,
    kind: &Kind,
    field: &FieldSchema,
    out: &mut Vec<u8>,
) {
    let micros = time.micros_since_1970();
    match semantic {
        Semantic::ZonedTimestamp if micros.is_some() => {
            let text = time.text(kind.digits()).replacen(' ', "T", 1) + "Z";
            json::string(text.as_bytes(), out);
        }
        Semantic::IsoTimestamp => iso_or_zero(micros.map(iso_timestamp), field, out),
        Semantic::Timestamp | Semantic::ConnectTimestamp => {
            put_or_zero(micros.map(|m| m.div_euclid(1000)), field, out)
        }
        _ => put_or_zero(micros, field, out),
    }
}

/// As many bytes as the type has, the lowest first.
fn little_endian(bits: u64, kind: &Kind) -> Vec<u8> {
    let length = match kind {
        Kind::Bit { bits } => usize::from(bits.div_ceil(8)),
        _ => 8,
    };
    bits.to_le_bytes().into_iter().take(length).collect()
}

fn geometry(srid: u32, wkb: &Bytes, semantic: &Semantic, out: &mut Vec<u8>) -> Result<()> {
    out.push(b'{');
    if *semantic == Semantic::Point {
        let [x, y] = coordinates(wkb)?;
        out.extend_from_slice(format!("\"x\":{x:?},\"y\":{y:?},").as_bytes());
    }
    out.extend_from_slice(b"\"wkb\":");
    json::base64(wkb, out);
    let srid = match srid {
        0 => "null".to_owned(),
        srid => srid.to_string(),
    };
    out.extend_from_slice(format!(",\"srid\":{srid}}}").as_bytes());
    Ok(())
}

/// The place of a point, which servers write with the lowest byte first.
fn coordinates(wkb: &Bytes) -> Result<[f64; 2]> {
    const POINT: u32 = 1;
    let mut reader = Reader::new(wkb.clone(), "point");
    if (reader.u8()?, reader.u32()?) != (1, POINT) {
        return Err(malformed("point"));
    }
    Ok([f64::from_bits(reader.u64()?), f64::from_bits(reader.u64()?)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::debezium::Times;

    fn check(kind: Kind, value: Value, want: &str) {
        let field = FieldSchema {
            name: "v".to_owned(),
            semantic: of(&kind, Modes::default()),
            is_optional: true,
            default: None,
            treated: None,
        };
        let mut out = Vec::new();
        write(&value, &kind, &field, &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn values_are_carried_as_debezium_does() {
        check(Kind::Bit { bits: 1 }, Value::Bits(1), "true");
        check(Kind::Bit { bits: 9 }, Value::Bits(256), "\"AAE=\"");
        let unsigned = Kind::Int {
            bytes: 8,
            is_unsigned: true,
        };
        check(unsigned, Value::UInt(u64::MAX), "18446744073709551615");
        let day = DateTime {
            year: 2026,
            month: 11,
            day: 26,
            micros: 120_000,
            ..DateTime::default()
        };
        let time = |digits| Kind::DateTime { digits };
        check(time(3), Value::DateTime(day), "1795651200120");
        check(time(4), Value::DateTime(day), "1795651200120000");
        let zoned = Kind::Timestamp { digits: 3 };
        check(zoned, Value::DateTime(day), "\"2026-11-26T00:00:00.120Z\"");
        check(Kind::Date, Value::Date(DateTime::default()), "null");
    }

    #[test]
    fn times_are_texts_on_wish() {
        let written = |kind: Kind, value: Value, is_optional| {
            let modes = Modes {
                times: Times::Iso,
                ..Modes::default()
            };
            let field = FieldSchema {
                name: "v".to_owned(),
                semantic: of(&kind, modes),
                is_optional,
                default: None,
                treated: None,
            };
            let mut out = Vec::new();
            write(&value, &kind, &field, &mut out)?;
            Ok(String::from_utf8(out).unwrap())
        };
        let check = |kind, value, want: &str| {
            let found: Result<String> = written(kind, value, false);
            assert_eq!(found.unwrap(), format!("\"{want}\""));
        };
        let day = DateTime {
            year: 2026,
            month: 11,
            day: 26,
            micros: 120_000,
            ..DateTime::default()
        };
        let (zero, time) = (DateTime::default(), Kind::Time { digits: 3 });
        check(Kind::Date, Value::Date(day), "2026-11-26Z");
        check(Kind::Date, Value::Date(zero), "1970-01-01Z");
        check(
            Kind::DateTime { digits: 6 },
            Value::DateTime(day),
            "2026-11-26T00:00:00.12Z",
        );
        check(
            Kind::DateTime { digits: 0 },
            Value::DateTime(zero),
            "1970-01-01T00:00:00Z",
        );
        check(
            Kind::Timestamp { digits: 3 },
            Value::DateTime(day),
            "2026-11-26T00:00:00.120Z",
        );
        check(time.clone(), Value::Time(3_723_004_000), "01:02:03.004Z");
        assert_eq!(
            written(Kind::Date, Value::Date(zero), true).unwrap(),
            "null"
        );
        for beyond in [-1, DAY] {
            let error = written(time.clone(), Value::Time(beyond), true).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported);
        }
    }

    #[test]
    fn a_shape_that_is_no_point_is_refused_as_one() {
        let mut out = Vec::new();
        let line = Bytes::from_static(&[1, 2, 0, 0, 0, 0, 0, 0, 0]);
        assert!(geometry(0, &line, &Semantic::Point, &mut out).is_err());
        assert!(geometry(0, &Bytes::new(), &Semantic::Point, &mut out).is_err());
    }
}
