//! How JSON documents are made: `JSON_STRING`, `JSON_OBJECT`, `JSON_ARRAY`, `JSON_QUOTE`, `JSON_UNQUOTE`.
//!
//! The planner puts a text before the arguments of `JSON_OBJECT` and `JSON_ARRAY`, with a letter for each value: `v` for one that
//! is to be written, `j` for one that is JSON already; and first `n` if NULL is written as `null`, or `a` if it is left out.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema};
use arrow::json::WriterBuilder;
use arrow::json::writer::LineDelimited;
use arrow::util::display::{ArrayFormatter, FormatOptions};
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use serde_json::Value;

use crate::functions::spec::{Spec, Text, all_texts, is_text, rows, strings, texts};

pub(in crate::functions) static SPECS: [Spec; 5] = [
    Spec {
        name: "json_string",
        aliases: &[],
        usage: "JSON_STRING(value)",
        coerce: |types| match types {
            [t] => Some(vec![t.clone()]),
            _ => None,
        },
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let values = Values::new(&args.args[0], rows(args), false)?;
            texts(args, |row| Ok(values.get(row).map(str::to_owned)))
        },
    },
    Spec {
        name: "json_object",
        aliases: &[],
        usage: "JSON_OBJECT(KEY 'key' VALUE value, …)",
        coerce: |types| {
            let (shape, pairs) = types.split_first()?;
            let keys = pairs.iter().step_by(2);
            let fits = is_text(shape) && pairs.len() % 2 == 0 && keys.clone().all(is_text);
            let coerced = pairs.iter().enumerate().map(|(i, t)| match i % 2 {
                0 => DataType::Utf8,
                _ => t.clone(),
            });
            fits.then(|| std::iter::once(DataType::Utf8).chain(coerced).collect())
        },
        returns: |_| DataType::Utf8,
        invoke: json_object,
    },
    Spec {
        name: "json_array",
        aliases: &[],
        usage: "JSON_ARRAY(value, …)",
        coerce: |types| {
            let (shape, values) = types.split_first()?;
            let all = std::iter::once(DataType::Utf8).chain(values.iter().cloned());
            is_text(shape).then(|| all.collect())
        },
        returns: |_| DataType::Utf8,
        invoke: json_array,
    },
    Spec {
        name: "json_quote",
        aliases: &[],
        usage: "JSON_QUOTE(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            texts(args, |row| Ok(text.get(row).map(quoted)))
        },
    },
    Spec {
        name: "json_unquote",
        aliases: &[],
        usage: "JSON_UNQUOTE(text)",
        coerce: |types| all_texts(types, 1..=1),
        returns: |_| DataType::Utf8,
        invoke: |args| {
            let text = Text::new(&args.args[0])?;
            let unquoted = |text: &str| match serde_json::from_str(text) {
                Ok(Value::String(inner)) => inner,
                _ => text.to_owned(),
            };
            texts(args, |row| Ok(text.get(row).map(unquoted)))
        },
    },
];

/// What is written of a column: JSON a row; `None`: NULL.
struct Values(StringArray);

impl Values {
    fn new(value: &ColumnarValue, rows: usize, is_json: bool) -> Result<Self> {
        let column = value.to_array(rows)?;
        Ok(Self(match column.data_type() {
            DataType::Utf8 if is_json => column.as_string().clone(),
            DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => {
                let json = |text: Option<&str>| text.map(|t| Value::from(t).to_string());
                strings(&column)?.iter().map(json).collect()
            }
            DataType::Decimal128(_, _) => {
                let options = FormatOptions::default();
                let digits = ArrayFormatter::try_new(&column, &options)?;
                let digit = |row| column.is_valid(row).then(|| digits.value(row).to_string());
                (0..rows).map(digit).collect()
            }
            _ => written(column)?,
        }))
    }

    fn get(&self, row: usize) -> Option<&str> {
        self.0.is_valid(row).then(|| self.0.value(row))
    }
}

/// Values of other types, as Arrow writes them.
fn written(column: ArrayRef) -> Result<StringArray> {
    let field = Field::new("v", column.data_type().clone(), true);
    let rows = RecordBatch::try_new(Arc::new(Schema::new(vec![field])), vec![column])?;
    let builder = WriterBuilder::new().with_explicit_nulls(true);
    let mut writer = builder.build::<_, LineDelimited>(Vec::new());
    writer.write(&rows)?;
    writer.finish()?;
    let lines = String::from_utf8_lossy(&writer.into_inner()).into_owned();
    let value = |line: &str| {
        let value = line.strip_prefix(r#"{"v":"#)?.strip_suffix('}')?;
        (value != "null").then(|| value.to_owned())
    };
    Ok(lines.lines().map(value).collect())
}

/// What the planner says of the values.
fn shape(args: &ScalarFunctionArgs) -> Result<(bool, Vec<bool>)> {
    let text = Text::new(&args.args[0])?;
    let mut letters = text.get(0).unwrap_or_default().chars();
    let leaves_out = letters.next() == Some('a');
    Ok((leaves_out, letters.map(|letter| letter == 'j').collect()))
}

fn json_object(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (leaves_out, is_json) = shape(args)?;
    let count = rows(args);
    let pairs = args.args[1..].chunks_exact(2).zip(is_json);
    let pairs = pairs
        .map(|(pair, is_json)| Ok((Text::new(&pair[0])?, Values::new(&pair[1], count, is_json)?)));
    let pairs = pairs.collect::<Result<Vec<_>>>()?;
    texts(args, |row| {
        let mut out = String::from("{");
        for (key, value) in &pairs {
            let Some(key) = key.get(row) else {
                return exec_err!("a key of JSON_OBJECT is NULL");
            };
            let value = match value.get(row) {
                None if leaves_out => continue,
                value => value.unwrap_or("null"),
            };
            let comma = if out.len() > 1 { "," } else { "" };
            out.push_str(&format!("{comma}{}:{value}", Value::from(key)));
        }
        out.push('}');
        Ok(Some(out))
    })
}

fn json_array(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (leaves_out, is_json) = shape(args)?;
    let count = rows(args);
    let values = args.args[1..].iter().zip(is_json);
    let values = values.map(|(value, is_json)| Values::new(value, count, is_json));
    let values = values.collect::<Result<Vec<_>>>()?;
    texts(args, |row| {
        let all = values.iter().map(|v| v.get(row));
        let kept = all.filter(|v| v.is_some() || !leaves_out);
        let kept: Vec<&str> = kept.map(|v| v.unwrap_or("null")).collect();
        Ok(Some(format!("[{}]", kept.join(","))))
    })
}

/// A text as JSON; what is not ASCII is written by its number.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' | '/' => out.extend(['\\', c]),
            '\u{8}' => out.push_str("\\b"),
            '\u{c}' => out.push_str("\\f"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            ' '..='~' => out.push(c),
            other => {
                for unit in other.encode_utf16(&mut [0; 2]) {
                    out.push_str(&format!("\\u{unit:04x}"));
                }
            }
        }
    }
    out.push('"');
    out
}
