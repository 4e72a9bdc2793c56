//! `ENCODE` and `DECODE`: texts as bytes of a character set and back. Bytes that are no text become U+FFFD.

use std::sync::Arc;

use arrow::array::{ArrayRef, BinaryBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::spec::{Bytes, Spec, Text, is_bytes, is_text, result, rows};

pub(super) static SPECS: [Spec; 2] = [
    Spec {
        name: "decode",
        aliases: &[],
        usage: "DECODE(bytes, 'UTF-8')",
        coerce: |types| match types {
            [b, c] if is_bytes(b) && is_text(c) => Some(vec![DataType::Binary, DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: decode,
    },
    Spec {
        name: "encode",
        aliases: &[],
        usage: "ENCODE(text, 'UTF-8')",
        coerce: |types| match types {
            [t, c] if is_text(t) && is_text(c) => Some(vec![DataType::Utf8, DataType::Utf8]),
            _ => None,
        },
        returns: |_| DataType::Binary,
        invoke: encode,
    },
];

/// The character sets that Flink names.
#[derive(Clone, Copy)]
enum Charset {
    Ascii,
    Latin1,
    Utf8,
    Utf16Be,
    Utf16Le,
    /// With a mark of its byte order; big-endian without.
    Utf16,
}

impl Charset {
    fn parse(name: &str) -> Result<Self> {
        Ok(match name.to_ascii_uppercase().as_str() {
            "US-ASCII" | "ASCII" => Self::Ascii,
            "ISO-8859-1" | "LATIN1" => Self::Latin1,
            "UTF-8" | "UTF8" => Self::Utf8,
            "UTF-16BE" => Self::Utf16Be,
            "UTF-16LE" => Self::Utf16Le,
            "UTF-16" => Self::Utf16,
            _ => {
                return exec_err!(
                    "'{name}' is not one of US-ASCII, ISO-8859-1, UTF-8, UTF-16BE, UTF-16LE and UTF-16"
                );
            }
        })
    }

    fn decode(self, bytes: &[u8]) -> String {
        let units = |unit: fn([u8; 2]) -> u16, bytes: &[u8]| {
            let pairs = bytes.chunks(2);
            let pairs = pairs.map(|p| unit([p[0], p.get(1).copied().unwrap_or(0)]));
            String::from_utf16_lossy(&pairs.collect::<Vec<_>>())
        };
        match self {
            Self::Ascii => {
                let chars = bytes.iter();
                chars
                    .map(|b| {
                        if b.is_ascii() {
                            char::from(*b)
                        } else {
                            '\u{FFFD}'
                        }
                    })
                    .collect()
            }
            Self::Latin1 => bytes.iter().map(|b| char::from(*b)).collect(),
            Self::Utf8 => String::from_utf8_lossy(bytes).into_owned(),
            Self::Utf16Be => units(u16::from_be_bytes, bytes),
            Self::Utf16Le => units(u16::from_le_bytes, bytes),
            Self::Utf16 => match bytes {
                [0xff, 0xfe, rest @ ..] => units(u16::from_le_bytes, rest),
                [0xfe, 0xff, rest @ ..] => units(u16::from_be_bytes, rest),
                _ => units(u16::from_be_bytes, bytes),
            },
        }
    }

    fn encode(self, text: &str) -> Vec<u8> {
        let narrow = |limit: u32| {
            let bytes = text.chars();
            bytes
                .map(|c| if u32::from(c) < limit { c as u8 } else { b'?' })
                .collect()
        };
        match self {
            Self::Ascii => narrow(0x80),
            Self::Latin1 => narrow(0x100),
            Self::Utf8 => text.as_bytes().to_vec(),
            Self::Utf16Be => text.encode_utf16().flat_map(u16::to_be_bytes).collect(),
            Self::Utf16Le => text.encode_utf16().flat_map(u16::to_le_bytes).collect(),
            Self::Utf16 => {
                let units = std::iter::once(0xfeff).chain(text.encode_utf16());
                units.flat_map(u16::to_be_bytes).collect()
            }
        }
    }
}

fn decode(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (bytes, charset) = (Bytes::new(&args.args[0]), Text::new(&args.args[1])?);
    let mut out = StringBuilder::new();
    for row in 0..rows(args) {
        match (bytes.get(row), charset.get(row)) {
            (Some(bytes), Some(charset)) => {
                out.append_value(Charset::parse(charset)?.decode(bytes));
            }
            _ => out.append_null(),
        }
    }
    result(args, Arc::new(out.finish()) as ArrayRef)
}

fn encode(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (text, charset) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let mut out = BinaryBuilder::new();
    for row in 0..rows(args) {
        match (text.get(row), charset.get(row)) {
            (Some(text), Some(charset)) => {
                out.append_value(Charset::parse(charset)?.encode(text));
            }
            _ => out.append_null(),
        }
    }
    result(args, Arc::new(out.finish()) as ArrayRef)
}
