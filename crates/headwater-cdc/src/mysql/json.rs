//! MySQL's binary JSON, as text in the form that MySQL gives. (MariaDB's JSON is text already.)
//!
//! An object or array has entries that point to its values; entries of a value's own size carry it themselves.

use bytes::Bytes;
use headwater_log::Result;

use super::decimal;
use super::failure::malformed;
use super::reader::Reader;
use super::temporal::{self, DateTime};

/// MySQL's own limit.
const DEPTH_MAX: u32 = 100;

const OBJECT: u8 = 0;
const LARGE_OBJECT: u8 = 1;
const ARRAY: u8 = 2;
const LARGE_ARRAY: u8 = 3;
const LITERAL: u8 = 4;
const INT16: u8 = 5;
const UINT16: u8 = 6;
const INT32: u8 = 7;
const UINT32: u8 = 8;
const INT64: u8 = 9;
const UINT64: u8 = 10;
const DOUBLE: u8 = 11;
const STRING: u8 = 12;
const OPAQUE: u8 = 15;

/// The text of a document.
pub(super) fn text(bytes: &Bytes) -> Result<Bytes> {
    let Some((kind, _)) = bytes.split_first() else {
        return Ok(Bytes::from_static(b"null"));
    };
    let mut writer = Writer {
        out: String::with_capacity(bytes.len() * 2),
        // Every value of a sound document has bytes of its own, so this is enough for any.
        budget: bytes.len(),
    };
    writer.value(*kind, &bytes.slice(1..), DEPTH_MAX)?;
    Ok(writer.out.into())
}

struct Writer {
    out: String,
    budget: usize,
}

impl Writer {
    fn value(&mut self, kind: u8, bytes: &Bytes, depth: u32) -> Result<()> {
        self.spend(1)?;
        let mut reader = read(bytes.clone());
        match kind {
            OBJECT | LARGE_OBJECT | ARRAY | LARGE_ARRAY => {
                let depth = depth.checked_sub(1).ok_or_else(bad)?;
                return self.compound(kind, bytes, depth);
            }
            LITERAL => self.out.push_str(literal(reader.u8()?)?),
            INT16 => self.push(reader.int(2)?),
            UINT16 => self.push(reader.uint(2)?),
            INT32 => self.push(reader.int(4)?),
            UINT32 => self.push(reader.uint(4)?),
            INT64 => self.push(reader.int(8)?),
            UINT64 => self.push(reader.uint(8)?),
            DOUBLE => {
                let number = f64::from_bits(reader.u64()?);
                self.out.push_str(&double(number));
            }
            STRING => {
                let length = length(&mut reader)?;
                self.spend(length)?;
                let text = reader.text(length)?;
                self.string(&text);
            }
            OPAQUE => self.opaque(&mut reader)?,
            _ => return Err(bad()),
        }
        Ok(())
    }

    fn compound(&mut self, kind: u8, bytes: &Bytes, depth: u32) -> Result<()> {
        let is_object = matches!(kind, OBJECT | LARGE_OBJECT);
        let width = if matches!(kind, OBJECT | ARRAY) { 2 } else { 4 };
        let mut reader = read(bytes.clone());
        let count = reader.uint(width)? as usize;
        reader.uint(width)?;
        self.spend(count)?;
        let mut keys = read(Bytes::new());
        if is_object {
            let size = count.checked_mul(width + 2).ok_or_else(bad)?;
            keys = read(reader.take(size)?);
        }
        self.out.push(if is_object { '{' } else { '[' });
        for n in 0..count {
            if n > 0 {
                self.out.push_str(", ");
            }
            if is_object {
                let (at, length) = (keys.uint(width)? as usize, usize::from(keys.u16()?));
                self.spend(length)?;
                let key = read(from(bytes, at)?).text(length)?;
                self.string(&key);
                self.out.push_str(": ");
            }
            let kind = reader.u8()?;
            let entry = reader.take(width)?;
            match is_inside(kind, width) {
                true => self.value(kind, &entry, depth)?,
                false => {
                    let at = read(entry).uint(width)? as usize;
                    self.value(kind, &from(bytes, at)?, depth)?;
                }
            }
        }
        self.out.push(if is_object { '}' } else { ']' });
        Ok(())
    }

    /// A value of a type that JSON does not have.
    fn opaque(&mut self, reader: &mut Reader) -> Result<()> {
        const DATE: u8 = 10;
        const TIMESTAMP: u8 = 7;
        const DATETIME: u8 = 12;
        const TIME: u8 = 11;
        const DECIMAL: u8 = 246;
        let kind = reader.u8()?;
        let length = length(reader)?;
        self.spend(length)?;
        let bytes = reader.take(length)?;
        let mut inner = read(bytes.clone());
        match kind {
            DECIMAL => {
                let (precision, scale) = (inner.u8()?, inner.u8()?);
                let number = decimal::text(&mut inner, precision, scale)?;
                self.out.push_str(&number);
            }
            DATE => {
                let date = datetime(inner.int(8)?).date_text();
                self.string(&date);
            }
            TIMESTAMP | DATETIME => {
                let text = datetime(inner.int(8)?).text(6);
                self.string(&text);
            }
            TIME => {
                let text = temporal::time_text(time(inner.int(8)?), 6);
                self.string(&text);
            }
            _ => {
                let text = format!("base64:type{kind}:{}", base64(&bytes));
                self.string(&text);
            }
        }
        Ok(())
    }

    fn push(&mut self, number: impl std::fmt::Display) {
        self.out.push_str(&number.to_string());
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for c in text.chars() {
            match c {
                '"' | '\\' => self.out.extend(['\\', c]),
                '\u{8}' => self.out.push_str("\\b"),
                '\u{c}' => self.out.push_str("\\f"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                c if c < ' ' => self.out.push_str(&format!("\\u{:04x}", u32::from(c))),
                c => self.out.push(c),
            }
        }
        self.out.push('"');
    }

    /// Keeps entries that point to the same bytes from making a small document a large one.
    fn spend(&mut self, bytes: usize) -> Result<()> {
        self.budget = self.budget.checked_sub(bytes).ok_or_else(bad)?;
        Ok(())
    }
}

fn read(bytes: Bytes) -> Reader {
    Reader::new(bytes, "JSON document")
}

fn bad() -> headwater_log::Error {
    malformed("JSON document")
}

fn from(bytes: &Bytes, at: usize) -> Result<Bytes> {
    match at <= bytes.len() {
        true => Ok(bytes.slice(at..)),
        false => Err(bad()),
    }
}

fn is_inside(kind: u8, width: usize) -> bool {
    matches!(kind, LITERAL | INT16 | UINT16) || width == 4 && matches!(kind, INT32 | UINT32)
}

fn literal(kind: u8) -> Result<&'static str> {
    match kind {
        0 => Ok("null"),
        1 => Ok("true"),
        2 => Ok("false"),
        _ => Err(bad()),
    }
}

/// A length of seven bits a byte, the lowest first.
fn length(reader: &mut Reader) -> Result<usize> {
    let mut length = 0;
    for n in 0..5 {
        let byte = reader.u8()?;
        length |= usize::from(byte & 0x7f) << (7 * n);
        if byte & 0x80 == 0 {
            return Ok(length);
        }
    }
    Err(bad())
}

/// The shortest digits that are the number; with an exponent where MySQL writes one: with more than 15 places before the point, unless
/// the digits go beyond it, or more than 14 zeroes after it.
fn double(number: f64) -> String {
    const PLACES: i32 = 15;
    let scientific = format!("{number:e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let count = digits.bytes().filter(u8::is_ascii_digit).count() as i32;
    let before = exponent.parse::<i32>().unwrap_or(0) + 1;
    if before <= -PLACES || before > PLACES && count <= before {
        return scientific;
    }
    let plain = number.to_string();
    match plain.contains('.') {
        true => plain,
        false => plain + ".0",
    }
}

/// Date and time in one number: fraction, then time of day, then the date.
fn datetime(packed: i64) -> DateTime {
    let all = packed.unsigned_abs();
    let (micros, whole) = (all & 0xff_ffff, all >> 24);
    let months = whole >> 22;
    DateTime {
        year: (months / 13) as u16,
        month: (months % 13) as u8,
        day: (whole >> 17 & 31) as u8,
        hour: (whole >> 12 & 31) as u8,
        minute: (whole >> 6 & 63) as u8,
        second: (whole & 63) as u8,
        micros: micros as u32,
    }
}

fn time(packed: i64) -> i64 {
    let all = packed.unsigned_abs();
    let (micros, whole) = (all & 0xff_ffff, all >> 24);
    let seconds = ((whole >> 12 & 1023) * 60 + (whole >> 6 & 63)) * 60 + (whole & 63);
    let micros = (seconds * 1_000_000 + micros) as i64;
    if packed < 0 { -micros } else { micros }
}

/// In lines of 76 digits, as MySQL writes it.
fn base64(bytes: &[u8]) -> String {
    const LINE: usize = 57;
    let lines: Vec<String> = bytes.chunks(LINE).map(base64_line).collect();
    lines.join("\n")
}

fn base64_line(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let byte = |n: usize| u32::from(three.get(n).copied().unwrap_or(0));
        let group = byte(0) << 16 | byte(1) << 8 | byte(2);
        for n in 0..4 {
            let digit = DIGITS[(group >> (18 - 6 * n) & 63) as usize];
            out.push(if n <= three.len() {
                char::from(digit)
            } else {
                '='
            });
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], want: &str) {
        assert_eq!(text(&Bytes::copy_from_slice(bytes)).unwrap(), want);
    }

    #[test]
    fn documents_become_text_in_the_form_of_mysql() {
        check(b"", "null");
        check(b"\x04\x01", "true");
        check(b"\x05\xff\xff", "-1");
        check(
            b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff",
            "18446744073709551615",
        );
        check(b"\x0b\0\0\0\0\0\0\xf0\x3f", "1.0");
        check(b"\x0c\x03a\"\n", r#""a\"\n""#);
        // {"a": [1, null], "b": "x"}
        let object = b"\0\x02\0\x22\0\x12\0\x01\0\x13\0\x01\0\x02\x14\0\x0c\x20\0ab\
                       \x02\0\x0c\0\x05\x01\0\x04\0\0\0\0\x01x";
        let mut object = object.to_vec();
        // The array is ten bytes long; what was written after it to fill up goes.
        object.splice(31..33, []);
        object[17] = 0x1e;
        check(&object, r#"{"a": [1, null], "b": "x"}"#);
    }

    #[test]
    fn numbers_have_an_exponent_where_mysql_writes_one() {
        for (number, want) in [
            (-0.0, "-0.0"),
            (1e14, "100000000000000.0"),
            (1e15, "1e15"),
            (1_234_567_890_123_456.8, "1234567890123456.8"),
            (1.234_567_890_123_456_8e16, "1.2345678901234568e16"),
            (1e-15, "0.000000000000001"),
            (1.5e-16, "1.5e-16"),
            (-1e100, "-1e100"),
        ] {
            assert_eq!(double(number), want);
        }
    }

    #[test]
    fn types_that_json_lacks_are_numbers_and_texts() {
        check(b"\x0f\xf6\x04\x03\x02\x80\x05", "0.05");
        check(b"\x0f\x01\x02\xff\0", r#""base64:type1:/wA=""#);
        // 2020-01-02 03:04:05.000006
        let whole: i64 = (((2020 * 13 + 1) << 5 | 2) << 17 | (3 << 12 | 4 << 6 | 5)) << 24 | 6;
        let mut bytes = b"\x0f\x0c\x08".to_vec();
        bytes.extend_from_slice(&whole.to_le_bytes());
        check(&bytes, r#""2020-01-02 03:04:05.000006""#);
        let time: i64 = -((1 << 12 | 2 << 6 | 3) << 24);
        let mut bytes = b"\x0f\x0b\x08".to_vec();
        bytes.extend_from_slice(&time.to_le_bytes());
        check(&bytes, r#""-01:02:03.000000""#);
    }

    #[test]
    fn entries_that_share_bytes_do_not_multiply() {
        // An array whose entries are all the array itself.
        let mut bytes = b"\x02\x10\0\xff\0".to_vec();
        bytes.extend_from_slice(&b"\x02\0\0".repeat(16));
        assert!(text(&bytes.into()).is_err());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_make_it_panic(mut bytes: Vec<u8>, kind in 0_u8..17) {
            bytes.insert(0, kind);
            drop(text(&bytes.into()));
        }
    }
}
