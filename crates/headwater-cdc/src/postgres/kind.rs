//! What a value of a type looks like in JSON: nothing is lost, and nothing is rounded.
//!
//! | type | JSON |
//! |---|---|
//! | boolean | `true`, `false` |
//! | whole numbers, `real`, `double precision`, `numeric` | a number with the server's digits; `"NaN"` and `"Infinity"` as strings |
//! | `bytea` | a string in base64 |
//! | `timestamp with time zone` | a string in UTC that ends in `Z` |
//! | arrays of these | an array, nested for each dimension |
//! | everything else | a string with the server's text |

use headwater_log::Result;

use super::failure::malformed;
use super::semantic;
use crate::debezium::Semantic;
use crate::json;

/// How deep arrays may nest; the server has six dimensions.
const DIMENSIONS_MAX: usize = 6;

/// How the values of a type are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A number, or a string if it is none.
    Number,
    /// Base64.
    Bytes,
    /// A string in UTC.
    Instant,
    /// A string.
    Text,
    /// Any number of dimensions of these.
    Array(Box<Kind>),
    /// As Debezium writes it.
    Debezium(Semantic),
}

impl Kind {
    /// The kind of a type that every server has; `None`: the catalogue must say.
    pub(crate) fn built_in(type_id: u32) -> Option<Self> {
        Some(match type_id {
            16 => Self::Boolean,
            // int2, int4, int8, oid, float4, float8, numeric.
            20 | 21 | 23 | 26 | 700 | 701 | 1700 => Self::Number,
            17 => Self::Bytes,
            1184 => Self::Instant,
            // char, name, text, json, xml, bpchar, varchar, date, time, timestamp, interval, timetz, uuid, jsonb.
            18 | 19 | 25 | 114 | 142 | 1042 | 1043 | 1082 | 1083 | 1114 | 1186 | 1266 | 2950
            | 3802 => Self::Text,
            1000 => Self::Array(Box::new(Self::Boolean)),
            1001 => Self::Array(Box::new(Self::Bytes)),
            1005 | 1007 | 1016 | 1028 | 1021 | 1022 | 1231 => Self::Array(Box::new(Self::Number)),
            1185 => Self::Array(Box::new(Self::Instant)),
            1009 | 1014 | 1015 | 1115 | 1182 | 1183 | 2951 | 199 | 3807 => {
                Self::Array(Box::new(Self::Text))
            }
            _ => return None,
        })
    }

    /// What it is to Debezium, if it is written so.
    pub(crate) fn semantic(&self) -> Option<Semantic> {
        match self {
            Self::Debezium(semantic) => Some(semantic.clone()),
            Self::Array(items) => items.semantic().map(|s| Semantic::Array(Box::new(s))),
            _ => None,
        }
    }

    /// Whether its values are texts, not what stands for something else.
    pub(crate) fn is_text(&self) -> bool {
        match self {
            Self::Text | Self::Instant => true,
            Self::Debezium(semantic) => semantic.is_text(),
            _ => false,
        }
    }

    /// A default as it is written; `None`: it is not, as those of bytes are not.
    pub(crate) fn default(&self, text: &str) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        let is_left_out = matches!(
            self,
            Self::Debezium(Semantic::Bytes | Semantic::BytesText(_))
        );
        let is_written = !is_left_out && self.write(text.as_bytes(), &mut out).is_ok();
        is_written.then_some(out)
    }

    /// Writes a value that came as text.
    ///
    /// # Errors
    /// `Corrupt` if it is not a value of this kind.
    pub(crate) fn write(&self, text: &[u8], out: &mut Vec<u8>) -> Result<()> {
        match self {
            Self::Boolean => out.extend_from_slice(match text {
                b"t" | b"true" => b"true",
                b"f" | b"false" => b"false",
                _ => return Err(malformed("boolean")),
            }),
            Self::Number if json::is_number(text) => out.extend_from_slice(text),
            Self::Bytes => json::base64(&bytes(text)?, out),
            Self::Instant => match text.strip_suffix(b"+00") {
                Some(time) => json::string(&[time, b"Z"].concat(), out),
                None => json::string(text, out),
            },
            Self::Debezium(semantic) => semantic::write(semantic, text, out)?,
            Self::Number | Self::Text => json::string(text, out),
            // Dimensions that begin elsewhere than at 1 are only told by the text.
            Self::Array(_) if text.first() == Some(&b'[') => json::string(text, out),
            Self::Array(element) => {
                let rest = array(element, text, 1, out)?;
                if !rest.is_empty() {
                    return Err(malformed("array"));
                }
            }
        }
        Ok(())
    }
}

/// Writes the array that `text` begins with; gives what comes after it.
fn array<'a>(
    element: &Kind,
    text: &'a [u8],
    dimension: usize,
    out: &mut Vec<u8>,
) -> Result<&'a [u8]> {
    let wrong = || malformed("array");
    let mut rest = text.strip_prefix(b"{").ok_or_else(wrong)?;
    out.push(b'[');
    if let Some(rest) = rest.strip_prefix(b"}") {
        out.push(b']');
        return Ok(rest);
    }
    loop {
        rest = match rest.first().ok_or_else(wrong)? {
            b'{' if dimension < DIMENSIONS_MAX => array(element, rest, dimension + 1, out)?,
            b'"' => {
                let (value, rest) = quoted(&rest[1..]).ok_or_else(wrong)?;
                element.write(&value, out)?;
                rest
            }
            _ => {
                let end = memchr::memchr2(b',', b'}', rest).ok_or_else(wrong)?;
                match &rest[..end] {
                    b"NULL" => out.extend_from_slice(b"null"),
                    value => element.write(value, out)?,
                }
                &rest[end..]
            }
        };
        match rest.split_first().ok_or_else(wrong)? {
            (b',', after) => {
                out.push(b',');
                rest = after;
            }
            (b'}', after) => {
                out.push(b']');
                return Ok(after);
            }
            _ => return Err(wrong()),
        }
    }
}

/// A quoted element without its quotes, and what comes after it.
fn quoted(text: &[u8]) -> Option<(Vec<u8>, &[u8])> {
    let (mut value, mut at) = (Vec::new(), 0);
    loop {
        match text.get(at)? {
            b'"' => return Some((value, &text[at + 1..])),
            b'\\' => {
                at += 1;
                value.push(*text.get(at)?);
            }
            byte => value.push(*byte),
        }
        at += 1;
    }
}

/// The bytes that a `bytea` has in hexadecimal digits.
pub(super) fn bytes(text: &[u8]) -> Result<Vec<u8>> {
    let wrong = || malformed("bytea");
    let hex = text.strip_prefix(b"\\x").ok_or_else(wrong)?;
    let (pairs, odd) = hex.as_chunks::<2>();
    if !odd.is_empty() {
        return Err(wrong());
    }
    let digit = |d: u8| char::from(d).to_digit(16);
    let byte = |pair: &[u8; 2]| Some((digit(pair[0])? << 4 | digit(pair[1])?) as u8);
    pairs
        .iter()
        .map(byte)
        .collect::<Option<_>>()
        .ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &Kind, text: &str, want: &str) {
        let mut out = Vec::new();
        kind.write(text.as_bytes(), &mut out).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), want);
    }

    #[test]
    fn values_keep_what_the_server_says() {
        check(&Kind::Boolean, "t", "true");
        check(&Kind::Number, "-0.10", "-0.10");
        check(&Kind::Number, "NaN", "\"NaN\"");
        check(&Kind::Text, "0044-03-15 BC", "\"0044-03-15 BC\"");
        check(
            &Kind::Instant,
            "9999-12-31 24:00:00+00",
            "\"9999-12-31 24:00:00Z\"",
        );
        check(&Kind::Instant, "infinity", "\"infinity\"");
        for (hex, want) in [
            ("", ""),
            ("00", "AA=="),
            ("00ff", "AP8="),
            ("fffefd", "//79"),
        ] {
            check(&Kind::Bytes, &format!("\\x{hex}"), &format!("\"{want}\""));
        }
    }

    #[test]
    fn arrays_nest() {
        let numbers = Kind::Array(Box::new(Kind::Number));
        check(&numbers, "{}", "[]");
        check(&numbers, "{1,NULL,3}", "[1,null,3]");
        check(&numbers, "{{1,2},{3,4}}", "[[1,2],[3,4]]");
        check(&numbers, "[2:3]={1,2}", "\"[2:3]={1,2}\"");
        let texts = Kind::Array(Box::new(Kind::Text));
        check(
            &texts,
            r#"{a,"b,\"c\\","NULL",NULL}"#,
            r#"["a","b,\"c\\","NULL",null]"#,
        );
        let bytes = Kind::Array(Box::new(Kind::Bytes));
        check(&bytes, r#"{"\\x00"}"#, r#"["AA=="]"#);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in r#"[{},"\\\[ax\PC]*"#) {
            for kind in [Kind::Boolean, Kind::Number, Kind::Bytes, Kind::Instant, Kind::Text] {
                let kinds = [kind.clone(), Kind::Array(Box::new(kind))];
                for kind in kinds {
                    let written = kind.write(text.as_bytes(), &mut Vec::new());
                    proptest::prop_assert!(written.is_ok() || kind != Kind::Text);
                }
            }
        }
    }
}
