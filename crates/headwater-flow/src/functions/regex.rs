//! Functions of regular expressions: `REGEXP`, `REGEXP_COUNT`, `REGEXP_EXTRACT`, `REGEXP_EXTRACT_ALL`, `REGEXP_INSTR`,
//! `REGEXP_REPLACE`, `REGEXP_SUBSTR`.

use std::borrow::Cow;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{BooleanArray, Int32Array, ListBuilder, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use regex::Regex;

use super::collections::list_of_texts;
use super::spec::{Spec, Text, Whole, all_texts, is_text, is_whole, result, rows};

pub(super) static SPECS: [Spec; 7] = [
    Spec {
        name: "regexp_extract",
        aliases: &[],
        usage: "REGEXP_EXTRACT(text, regex[, group])",
        coerce: with_group,
        returns: |_| DataType::Utf8,
        invoke: regexp_extract,
    },
    Spec {
        name: "regexp",
        aliases: &["rlike"],
        usage: "REGEXP(text, regex)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Boolean,
        invoke: regexp,
    },
    Spec {
        name: "regexp_extract_all",
        aliases: &[],
        usage: "REGEXP_EXTRACT_ALL(text, regex[, group])",
        coerce: with_group,
        returns: |_| list_of_texts(),
        invoke: regexp_extract_all,
    },
    Spec {
        name: "regexp_replace",
        aliases: &[],
        usage: "REGEXP_REPLACE(text, regex, replacement[, 'g'])",
        coerce: |types| all_texts(types, 3..=4),
        returns: |_| DataType::Utf8,
        invoke: regexp_replace,
    },
    Spec {
        name: "regexp_count",
        aliases: &[],
        usage: "REGEXP_COUNT(text, regex)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Int32,
        invoke: |args| number(args, |regex, text| regex.find_iter(text).count() as i32),
    },
    Spec {
        name: "regexp_instr",
        aliases: &[],
        usage: "REGEXP_INSTR(text, regex)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Int32,
        invoke: |args| {
            number(args, |regex, text| match regex.find(text) {
                Some(found) => text[..found.start()].chars().count() as i32 + 1,
                None => 0,
            })
        },
    },
    Spec {
        name: "regexp_substr",
        aliases: &[],
        usage: "REGEXP_SUBSTR(text, regex)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Utf8,
        invoke: regexp_extract,
    },
];

/// A text, a pattern, and the number of a group.
fn with_group(types: &[DataType]) -> Option<Vec<DataType>> {
    match types {
        [a, b] if is_text(a) && is_text(b) => Some(vec![DataType::Utf8, DataType::Utf8]),
        [a, b, c] if is_text(a) && is_text(b) && is_whole(c) => {
            Some(vec![DataType::Utf8, DataType::Utf8, DataType::Int64])
        }
        _ => None,
    }
}

/// How many compiled patterns a thread keeps.
const MAX_PATTERNS: usize = 64;

thread_local! {
    static PATTERNS: RefCell<BTreeMap<String, Regex>> = const { RefCell::new(BTreeMap::new()) };
}

/// The compiled pattern; compiled once a thread.
pub(super) fn pattern(text: &str) -> Result<Regex> {
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

    /// The pattern itself, where there is one a row.
    fn text(&self, row: usize) -> Option<&str> {
        match self {
            Self::One(regex) => regex.as_ref().map(Regex::as_str),
            Self::Each(texts) => texts.get(row),
        }
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

/// A number of what the pattern matches.
fn number(args: &ScalarFunctionArgs, count: fn(&Regex, &str) -> i32) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let patterns = Patterns::new(&args.args[1])?;
    let found: Result<Int32Array> = (0..rows(args))
        .map(|row| match text.get(row) {
            Some(text) => patterns.with(row, |regex| count(regex, text)),
            None => Ok(None),
        })
        .collect();
    result(args, Arc::new(found?))
}

/// The group (the first, unless another is asked for) of every match.
fn regexp_extract_all(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let patterns = Patterns::new(&args.args[1])?;
    let group = args.args.get(2).map(Whole::new).transpose()?;
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in 0..rows(args) {
        let group = group.as_ref().map_or(Some(1), |g| g.get(row));
        let group = group.and_then(|g| usize::try_from(g).ok());
        let (Some(text), Some(group)) = (text.get(row), group) else {
            out.append_null();
            continue;
        };
        let found = patterns.with(row, |regex| {
            if group >= regex.captures_len() {
                return false;
            }
            for captures in regex.captures_iter(text) {
                out.values()
                    .append_option(captures.get(group).map(|m| m.as_str()));
            }
            true
        })?;
        out.append(found.unwrap_or(false));
    }
    result(args, Arc::new(out.finish()))
}

/// With every match replaced, as in Flink, where `$1` is the first group. With flags it is PostgreSQL's: only the first match is
/// replaced unless they contain `g`, and `\1` is the first group.
fn regexp_replace(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let replacement = Text::new(&args.args[2])?;
    let flags = args.args.get(3).map(Text::new).transpose()?;
    let patterns = match &flags {
        None | Some(Text::One(None)) => Patterns::new(&args.args[1])?,
        Some(_) => Patterns::Each(Text::new(&args.args[1])?),
    };
    let mut out = StringBuilder::new();
    for row in 0..rows(args) {
        let (Some(text), Some(replacement)) = (text.get(row), replacement.get(row)) else {
            out.append_null();
            continue;
        };
        let replaced = match &flags {
            None => {
                let replacement = expanded(replacement, '$');
                patterns.with(row, |regex| regex.replace_all(text, &replacement))?
            }
            Some(flags) => match (flags.get(row), patterns.text(row)) {
                (Some(flags), Some(regex)) => Some(with_flags(text, regex, replacement, flags)?),
                _ => None,
            },
        };
        out.append_option(replaced);
    }
    result(args, Arc::new(out.finish()))
}

fn with_flags<'a>(
    text: &'a str,
    regex: &str,
    replacement: &str,
    flags: &str,
) -> Result<Cow<'a, str>> {
    let inner: String = flags.chars().filter(|f| *f != 'g').collect();
    let regex = match inner.is_empty() {
        true => pattern(regex)?,
        false => pattern(&format!("(?{inner}){regex}"))?,
    };
    let replacement = expanded(replacement, '\\');
    Ok(match flags.contains('g') {
        true => regex.replace_all(text, &replacement),
        false => regex.replace(text, &replacement),
    })
}

/// A replacement in which groups are written with `sign` before their number, as this library wants it.
fn expanded(replacement: &str, sign: char) -> String {
    let mut out = String::with_capacity(replacement.len());
    let mut rest = replacement.chars().peekable();
    while let Some(c) = rest.next() {
        match rest.peek().and_then(|n| n.to_digit(10)) {
            Some(group) if c == sign => {
                out.push_str(&format!("${{{group}}}"));
                rest.next();
            }
            _ if c == '\\' => match rest.next() {
                Some('$') => out.push_str("$$"),
                Some('&') if sign == '\\' => out.push_str("${0}"),
                Some(escaped) => out.push(escaped),
                None => out.push(c),
            },
            _ if c == '$' => out.push_str("$$"),
            _ => out.push(c),
        }
    }
    out
}
