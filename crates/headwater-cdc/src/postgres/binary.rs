//! Values in the server's binary form: the text that the server would give for them, to the byte, so that whatever is made of texts is
//! made of these too.
//!
//! Types that are not here, and those whose text depends on the server's version, are asked for as text.

mod array;
mod float;
mod numeric;
mod temporal;

use headwater_log::Result;

use super::failure::malformed;
use super::kind::Kind;
use crate::debezium::Semantic;
use crate::json;

/// What the binary form of `jsonb` begins with.
const JSONB_VERSION: u8 = 1;

/// The binary form of a type.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Binary {
    /// The text itself.
    Text,
    /// A byte.
    Boolean,
    /// Two, four or eight bytes with a sign.
    Integer,
    /// Four bytes without a sign.
    Oid,
    /// `real` or `double precision`.
    Float,
    Numeric,
    Bytes,
    Uuid,
    /// The text behind a version.
    Jsonb,
    Date,
    Time,
    ZonedTime,
    Timestamp,
    ZonedTimestamp,
    /// An array of these.
    Array(Box<Binary>),
}

impl Binary {
    /// That of a type that every server has; `None`: the catalogue must say, or there is none.
    pub(super) fn built_in(type_id: u32) -> Option<Self> {
        Some(match type_id {
            16 => Self::Boolean,
            17 => Self::Bytes,
            20 | 21 | 23 => Self::Integer,
            26 => Self::Oid,
            700 | 701 => Self::Float,
            1700 => Self::Numeric,
            // name, text, json, bpchar, varchar.
            19 | 25 | 114 | 1042 | 1043 => Self::Text,
            1082 => Self::Date,
            1083 => Self::Time,
            1114 => Self::Timestamp,
            1184 => Self::ZonedTimestamp,
            1266 => Self::ZonedTime,
            2950 => Self::Uuid,
            3802 => Self::Jsonb,
            _ => return None,
        })
    }

    /// Writes a value as `kind` writes its text; what was in `scratch` is lost.
    ///
    /// # Errors
    /// Those of `kind`, and `Corrupt` if it is not a value of this form.
    pub(super) fn write(
        &self,
        kind: &Kind,
        value: &[u8],
        scratch: &mut Vec<u8>,
        out: &mut Vec<u8>,
    ) -> Result<()> {
        match (self, kind) {
            (Self::Text, _) => kind.write(value, out),
            // These need no text in between.
            (Self::Integer, Kind::Number) => self.text(value, out),
            (Self::Bytes, Kind::Bytes | Kind::Debezium(Semantic::Bytes)) => {
                json::base64(value, out);
                Ok(())
            }
            _ => {
                scratch.clear();
                self.text(value, scratch)?;
                kind.write(scratch, out)
            }
        }
    }

    /// Writes the text that the server has for a value.
    ///
    /// # Errors
    /// `Corrupt` if it is not a value of this form.
    fn text(&self, value: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Text => out.extend_from_slice(value),
            Self::Boolean => out.push(match value {
                [0] => b'f',
                [1] => b't',
                _ => return Err(malformed("boolean")),
            }),
            Self::Integer => put_integer(integer(value)?, out),
            Self::Oid => put_integer(i64::from(u32::from_be_bytes(exact(value)?)), out),
            Self::Float => float::text(value, out)?,
            Self::Numeric => numeric::text(value, out)?,
            Self::Bytes => {
                out.extend_from_slice(b"\\x");
                value.iter().for_each(|byte| put_hex(*byte, out));
            }
            Self::Uuid => uuid(exact(value)?, out),
            Self::Jsonb => match value.split_first() {
                Some((&JSONB_VERSION, text)) => out.extend_from_slice(text),
                _ => return Err(malformed("jsonb")),
            },
            Self::Date => temporal::date(i32::from_be_bytes(exact(value)?), out),
            Self::Time => temporal::time(i64::from_be_bytes(exact(value)?), out),
            Self::ZonedTime => temporal::zoned_time(exact(value)?, out),
            Self::Timestamp => temporal::timestamp(i64::from_be_bytes(exact(value)?), b"", out),
            Self::ZonedTimestamp => {
                temporal::timestamp(i64::from_be_bytes(exact(value)?), b"+00", out);
            }
            Self::Array(element) => array::text(element, value, out)?,
        }
        Ok(())
    }
}

fn integer(value: &[u8]) -> Result<i64> {
    Ok(match value.len() {
        2 => i64::from(i16::from_be_bytes(exact(value)?)),
        4 => i64::from(i32::from_be_bytes(exact(value)?)),
        _ => i64::from_be_bytes(exact(value)?),
    })
}

/// A value of a fixed length.
fn exact<const N: usize>(value: &[u8]) -> Result<[u8; N]> {
    value.try_into().map_err(|_| malformed("value: its length"))
}

/// Writes a whole number in decimal digits.
fn put_integer(number: i64, out: &mut Vec<u8>) {
    if number < 0 {
        out.push(b'-');
    }
    put_padded::<1>(number.unsigned_abs(), out);
}

/// Writes a whole number with at least so many digits, as a rule just so many.
#[inline]
fn put_padded<const DIGITS: usize>(mut number: u64, out: &mut Vec<u8>) {
    if number >= const { 10u64.pow(DIGITS as u32) } {
        return put_number(number, out);
    }
    let mut room = [b'0'; DIGITS];
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&room);
}

/// Writes a whole number other than 0.
fn put_number(mut number: u64, out: &mut Vec<u8>) {
    let mut room = [b'0'; 20];
    let mut at = room.len();
    while number > 0 {
        at -= 1;
        room[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&room[at..]);
}

fn put_hex(byte: u8, out: &mut Vec<u8>) {
    const HEX: &[u8; 16] = b"0123456789abcdef";
    out.extend_from_slice(&[HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
}

fn uuid(bytes: [u8; 16], out: &mut Vec<u8>) {
    for (at, byte) in bytes.into_iter().enumerate() {
        if matches!(at, 4 | 6 | 8 | 10) {
            out.push(b'-');
        }
        put_hex(byte, out);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(form: &Binary, value: &[u8]) -> String {
        let mut out = Vec::new();
        form.text(value, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn values_have_the_text_of_the_server() {
        assert_eq!(text(&Binary::Boolean, &[1]), "t");
        assert_eq!(text(&Binary::Integer, &(-7_i16).to_be_bytes()), "-7");
        assert_eq!(text(&Binary::Integer, &0_i32.to_be_bytes()), "0");
        let least = i64::MIN.to_be_bytes();
        assert_eq!(text(&Binary::Integer, &least), "-9223372036854775808");
        assert_eq!(text(&Binary::Oid, &[0xff; 4]), "4294967295");
        assert_eq!(text(&Binary::Bytes, &[0, 0xfe]), "\\x00fe");
        assert_eq!(text(&Binary::Jsonb, b"\x01{}"), "{}");
        let uuid = "33333333-3333-3333-3333-333333333333";
        assert_eq!(text(&Binary::Uuid, &[0x33; 16]), uuid);
    }

    #[test]
    fn bytes_become_base64_without_a_text_between() {
        let (mut direct, mut by_text) = (Vec::new(), Vec::new());
        let form = Binary::Bytes;
        form.write(&Kind::Bytes, b"\0\xff\x10", &mut Vec::new(), &mut direct)
            .unwrap();
        let text = text(&form, b"\0\xff\x10");
        Kind::Bytes.write(text.as_bytes(), &mut by_text).unwrap();
        assert_eq!(direct, by_text);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(value: Vec<u8>) {
            for form in [
                Binary::Boolean, Binary::Integer, Binary::Oid, Binary::Float, Binary::Numeric, Binary::Uuid, Binary::Jsonb,
                Binary::Date, Binary::Time, Binary::ZonedTime, Binary::Timestamp, Binary::ZonedTimestamp,
            ] {
                let array = Binary::Array(Box::new(form.clone()));
                for form in [form, array] {
                    drop(form.text(&value, &mut Vec::new()));
                }
            }
        }
    }
}
