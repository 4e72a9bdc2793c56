//! Records as text.

use std::fmt::Write;

use headwater_connect::base64;

use super::parse::{Digits, Encoding, Part};

/// What can be shown of a record or of one of its headers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Shown<'a> {
    /// Its topic.
    pub(crate) topic: &'a str,
    /// Its partition.
    pub(crate) partition: u32,
    /// Its offset.
    pub(crate) offset: u64,
    /// Its timestamp, milliseconds since 1970.
    pub(crate) timestamp: i64,
    /// Its key, or that of the header.
    pub(crate) key: &'a [u8],
    /// Its value, or that of the header.
    pub(crate) value: &'a [u8],
    /// Its headers.
    pub(crate) headers: &'a [(String, Option<Vec<u8>>)],
    /// Records that were shown, with this one.
    pub(crate) count: u64,
}

/// Appends a record as the pattern says.
pub(crate) fn write(parts: &[Part], record: &Shown<'_>, out: &mut Vec<u8>) {
    for part in parts {
        match part {
            Part::Literal(bytes) => out.extend_from_slice(bytes),
            Part::Text(verb, encoding) => encode(record.text(*verb), *encoding, out),
            Part::Number(verb, form) => number(record.number(*verb), *form, out),
            Part::Time(format) => out.extend_from_slice(time(record.timestamp, format).as_bytes()),
            Part::Headers(inside) => {
                for (key, value) in record.headers {
                    let header = Shown {
                        key: key.as_bytes(),
                        value: value.as_deref().unwrap_or_default(),
                        ..*record
                    };
                    write(inside, &header, out);
                }
            }
        }
    }
}

impl<'a> Shown<'a> {
    fn text(&self, verb: char) -> &'a [u8] {
        match verb {
            't' => self.topic.as_bytes(),
            'k' => self.key,
            _ => self.value,
        }
    }

    fn number(&self, verb: char) -> i64 {
        let length = |bytes: &[u8]| i64::try_from(bytes.len()).unwrap_or(i64::MAX);
        match verb {
            'p' => self.partition.into(),
            'o' => self.offset as i64,
            'T' => length(self.topic.as_bytes()),
            'K' => length(self.key),
            'V' => length(self.value),
            'H' => self.headers.len() as i64,
            'd' => self.timestamp,
            _ => self.count as i64,
        }
    }
}

fn encode(bytes: &[u8], encoding: Encoding, out: &mut Vec<u8>) {
    match encoding {
        Encoding::Raw => out.extend_from_slice(bytes),
        Encoding::Hex => {
            for byte in bytes {
                hex(u64::from(*byte), 2, out);
            }
        }
        Encoding::Base64 => base64::encode(bytes, out),
        Encoding::Base64Raw => {
            base64::encode(bytes, out);
            let padding = (3 - bytes.len() % 3) % 3;
            out.truncate(out.len() - padding);
        }
    }
}

/// The last `width` hexadecimal digits of a number.
fn hex(value: u64, width: usize, out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for place in (0..width).rev() {
        out.push(DIGITS[(value >> (4 * place) & 15) as usize]);
    }
}

fn number(value: i64, form: Digits, out: &mut Vec<u8>) {
    match form {
        Digits::Ascii => out.extend_from_slice(value.to_string().as_bytes()),
        Digits::Hex(width) => hex(value as u64, width, out),
        Digits::Big(width) => out.extend_from_slice(&value.to_be_bytes()[8 - width..]),
        Digits::Little(width) => out.extend_from_slice(&value.to_le_bytes()[..width]),
        Digits::Bool => out.extend_from_slice(if value == 0 { b"false" } else { b"true" }),
    }
}

/// A time as `strftime` writes it in UTC; the number itself where it is no time or the format is none.
fn time(ms: i64, format: &str) -> String {
    let mut text = String::new();
    let moment = jiff::Timestamp::from_millisecond(ms);
    let written = moment.is_ok_and(|moment| write!(text, "{}", moment.strftime(format)).is_ok());
    if written { text } else { ms.to_string() }
}

#[cfg(test)]
mod tests {
    use super::super::{Verbs, parse};
    use super::*;

    fn check(format: &str, expected: &str) {
        let headers = [
            ("a".to_owned(), Some(b"1".to_vec())),
            ("b".to_owned(), None),
        ];
        let record = Shown {
            topic: "foo",
            partition: 3,
            offset: 258,
            timestamp: 1_644_843_600_123,
            key: b"key",
            value: b"va",
            headers: &headers,
            count: 7,
        };
        let parts =
            parse(format, Verbs::RECORD).unwrap_or_else(|e| panic!("{format}: {}", e.message));
        let mut out = Vec::new();
        write(&parts, &record, &mut out);
        assert_eq!(out, expected.as_bytes(), "{format}");
    }

    #[test]
    fn records_are_written_as_rpk_writes_them() {
        check("%t/%p/%o %k=%v #%i\\n", "foo/3/258 key=va #7\n");
        check("%T %t{hex}", "3 666f6f");
        check("%v{base64} %v{base64raw} %k{base64}", "dmE= dmE a2V5");
        check("%o{hex16} %o{hex8} %o{big16}", "0102 02 \u{1}\u{2}");
        check("%o{little16}%V{byte} %H{bool}", "\u{2}\u{1}\u{2} true");
        check("%H%h{ %k=%v{hex}}", "2 a=31 b=");
        check(
            "%d %d{strftime[%F %T]}",
            "1644843600123 2022-02-14 13:00:00",
        );
    }
}
