//! Functions over strings: `SPLIT_INDEX`, `COUNT_CHAR`, `LOCATE`, `REGEXP_EXTRACT`, `REGEXP`.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int64Array, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use regex::Regex;

use super::spec::{Spec, Text, Whole, is_text, is_whole, result, rows};

pub(super) static SPECS: [Spec; 5] = [
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
        coerce: two_texts,
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
    Spec {
        name: "regexp_extract",
        aliases: &[],
        usage: "REGEXP_EXTRACT(text, regex[, group])",
        coerce: |types| match types {
            [a, b] if is_text(a) && is_text(b) => Some(vec![DataType::Utf8, DataType::Utf8]),
            [a, b, c] if is_text(a) && is_text(b) && is_whole(c) => {
                Some(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
            }
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: regexp_extract,
    },
    Spec {
        name: "regexp",
        aliases: &["rlike"],
        usage: "REGEXP(text, regex)",
        coerce: two_texts,
        returns: |_| DataType::Boolean,
        invoke: regexp,
    },
];

fn two_texts(types: &[DataType]) -> Option<Vec<DataType>> {
    match types {
        [a, b] if is_text(a) && is_text(b) => Some(vec![DataType::Utf8, DataType::Utf8]),
        _ => None,
    }
}

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

/// How many compiled patterns a thread keeps.
const MAX_PATTERNS: usize = 64;

thread_local! {
    static PATTERNS: RefCell<BTreeMap<String, Regex>> = const { RefCell::new(BTreeMap::new()) };
}

/// The compiled pattern; compiled once a thread.
fn pattern(text: &str) -> Result<Regex> {
    PATTERNS.with_borrow_mut(|known| {
        if let Some(regex) = known.get(text) {
            return Ok(regex.clone());
        }
        let Ok(regex) = Regex::new(text) else {
            return exec_err!("'{text}' is not a regular expression");
        };
        if known.len() >= MAX_PATTERNS {
            known.clear();
        }
        known.insert(text.to_owned(), regex.clone());
        Ok(regex)
    })
}

/// Patterns of a call: compiled once if it is the same for all rows.
enum Patterns {
    One(Option<Regex>),
    Each(Text),
}

impl Patterns {
    fn new(value: &ColumnarValue) -> Result<Self> {
        Ok(match Text::new(value)? {
            Text::One(text) => Self::One(text.as_deref().map(pattern).transpose()?),
            each => Self::Each(each),
        })
    }

    fn with<T>(&self, row: usize, use_it: impl FnOnce(&Regex) -> T) -> Result<Option<T>> {
        Ok(match self {
            Self::One(regex) => regex.as_ref().map(use_it),
            Self::Each(texts) => match texts.get(row) {
                Some(text) => Some(use_it(&pattern(text)?)),
                None => None,
            },
        })
    }
}

/// The group of the first match; NULL if there is none.
fn regexp_extract(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let patterns = Patterns::new(&args.args[1])?;
    let group = args.args.get(2).map(Whole::new).transpose()?;
    let rows = rows(args);
    let mut out = StringBuilder::with_capacity(rows, rows * 8);
    let mut places = match &patterns {
        Patterns::One(Some(regex)) => Some(regex.capture_locations()),
        _ => None,
    };
    for row in 0..rows {
        let group = group.as_ref().map_or(Some(0), |g| g.get(row));
        let (Some(text), Some(group)) = (text.get(row), group) else {
            out.append_null();
            continue;
        };
        let Ok(group) = usize::try_from(group) else {
            out.append_null();
            continue;
        };
        let found = patterns.with(row, |regex| match &mut places {
            Some(places) => {
                regex.captures_read(places, text)?;
                places.get(group)
            }
            None => regex
                .captures(text)?
                .get(group)
                .map(|m| (m.start(), m.end())),
        })?;
        out.append_option(found.flatten().map(|(start, end)| &text[start..end]));
    }
    result(args, Arc::new(out.finish()))
}

/// Whether the pattern matches somewhere.
fn regexp(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let patterns = Patterns::new(&args.args[1])?;
    let found: Result<BooleanArray> = (0..rows(args))
        .map(|row| match text.get(row) {
            Some(text) => patterns.with(row, |regex| regex.is_match(text)),
            None => Ok(None),
        })
        .collect();
    result(args, Arc::new(found?))
}
