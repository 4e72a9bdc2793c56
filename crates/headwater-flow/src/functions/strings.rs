//! Functions that find parts of texts: `SPLIT_INDEX`, `COUNT_CHAR`, `LOCATE`.

use std::sync::Arc;

use arrow::array::{Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::Result;
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::spec::{Spec, Text, Whole, all_texts, is_text, is_whole, result, rows};

pub(super) static SPECS: [Spec; 3] = [
    Spec {
        name: "split_index",
        aliases: &[],
        usage: "SPLIT_INDEX(text, separator, index from 0)",
        coerce: |types| match types {
            [a, b, c] if is_text(a) && is_text(b) && is_whole(c) => {
                Some(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
            }
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: split_index,
    },
    Spec {
        name: "count_char",
        aliases: &[],
        usage: "COUNT_CHAR(text, character)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Int64,
        invoke: count_char,
    },
    Spec {
        name: "locate",
        aliases: &[],
        usage: "LOCATE(part, text[, from])",
        coerce: |types| match types {
            [a, b] if is_text(a) && is_text(b) => Some(vec![DataType::Utf8, DataType::Utf8]),
            [a, b, c] if is_text(a) && is_text(b) && is_whole(c) => {
                Some(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
            }
            _ => None,
        },
        returns: |_| DataType::Int32,
        invoke: locate,
    },
];

/// The part of the text between separators, from 0; NULL if there are fewer.
fn split_index(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (text, separator) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let index = Whole::new(&args.args[2])?;
    let rows = rows(args);
    let mut out = StringBuilder::with_capacity(rows, rows * 12);
    for row in 0..rows {
        let part = match (text.get(row), separator.get(row), index.get(row)) {
            (Some(text), Some(separator), Some(index)) => part(text, separator, index),
            _ => None,
        };
        out.append_option(part);
    }
    result(args, Arc::new(out.finish()))
}

fn part<'a>(text: &'a str, separator: &str, index: i64) -> Option<&'a str> {
    let index = usize::try_from(index).ok()?;
    if let [byte] = separator.as_bytes() {
        return part_at_byte(text, *byte, index);
    }
    if separator.is_empty() {
        return (index == 0).then_some(text);
    }
    text.split(separator).nth(index)
}

fn part_at_byte(text: &str, separator: u8, index: usize) -> Option<&str> {
    let bytes = text.as_bytes();
    let mut start = 0;
    for _ in 0..index {
        start += bytes[start..].iter().position(|b| *b == separator)? + 1;
    }
    let end = bytes[start..].iter().position(|b| *b == separator);
    text.get(start..end.map_or(text.len(), |e| start + e))
}

/// How often the character occurs.
fn count_char(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (text, wanted) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let count = |row| {
        let (text, wanted) = (text.get(row)?, wanted.get(row)?);
        Some(match wanted.as_bytes() {
            [byte] => text.as_bytes().iter().filter(|b| *b == byte).count() as i64,
            _ => wanted
                .chars()
                .next()
                .map_or(0, |c| text.chars().filter(|t| *t == c).count() as i64),
        })
    };
    let counts: Int64Array = (0..rows(args)).map(count).collect();
    result(args, Arc::new(counts))
}

/// The place of the part in the text in characters from 1; 0 if it is not there.
fn locate(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (part, text) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let from = args.args.get(2).map(Whole::new).transpose()?;
    let find = |row| {
        let (part, text) = (part.get(row)?, text.get(row)?);
        let from = match &from {
            Some(from) => usize::try_from(from.get(row)?).unwrap_or(0).max(1),
            None => 1,
        };
        let start = text
            .char_indices()
            .nth(from - 1)
            .map_or(text.len(), |(i, _)| i);
        let found = text[start..].find(part);
        Some(found.map_or(0, |at| text[..start + at].chars().count() as i32 + 1))
    };
    let places: arrow::array::Int32Array = (0..rows(args)).map(find).collect();
    result(args, Arc::new(places))
}
