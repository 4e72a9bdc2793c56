//! What is in a JSON document: `JSON_VALUE`, `JSON_QUERY` and `JSON_EXISTS` with simple paths: `$.a.b[0]['c']`; and whether a
//! text is one: `IS JSON`.

use std::sync::Arc;

use arrow::array::{BooleanArray, StringBuilder};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use serde_json::Value;

use crate::functions::spec::{Spec, Text, all_texts, result, rows};

pub(in crate::functions) static SPECS: [Spec; 4] = [
    Spec {
        name: "json_value",
        aliases: &[],
        usage: "JSON_VALUE(json, '$.path')",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Utf8,
        invoke: |args| extract(args, scalar),
    },
    Spec {
        name: "json_query",
        aliases: &[],
        usage: "JSON_QUERY(json, '$.path')",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Utf8,
        invoke: |args| extract(args, structure),
    },
    Spec {
        name: "json_exists",
        aliases: &[],
        usage: "JSON_EXISTS(json, '$.path')",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Boolean,
        invoke: exists,
    },
    // `text IS JSON kind`.
    Spec {
        name: "is_json",
        aliases: &[],
        usage: "text IS JSON [VALUE | SCALAR | ARRAY | OBJECT]",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| DataType::Boolean,
        invoke: is_json,
    },
];

/// A step of a path.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    Member(String),
    Element(usize),
}

fn path(text: &str) -> Result<Vec<Step>> {
    let text = text.trim();
    let text = text
        .strip_prefix("lax ")
        .or(text.strip_prefix("strict "))
        .unwrap_or(text);
    match steps(text) {
        Some(steps) => Ok(steps),
        None => exec_err!("'{text}' is not a JSON path such as '$.a.b[0]'"),
    }
}

fn steps(text: &str) -> Option<Vec<Step>> {
    let mut rest = text.trim().strip_prefix('$')?;
    let mut steps = Vec::new();
    while !rest.is_empty() {
        if let Some(member) = rest.strip_prefix('.') {
            let end = member.find(['.', '[']).unwrap_or(member.len());
            if end == 0 {
                return None;
            }
            steps.push(Step::Member(member[..end].trim_matches('"').to_owned()));
            rest = &member[end..];
        } else {
            let inner = rest.strip_prefix('[')?;
            let end = inner.find(']')?;
            steps.push(match inner[..end].trim() {
                quoted if quoted.starts_with(['\'', '"']) => {
                    Step::Member(quoted.trim_matches(['\'', '"']).to_owned())
                }
                number => Step::Element(number.parse().ok()?),
            });
            rest = &inner[end + 1..];
        }
    }
    Some(steps)
}

fn find<'a>(value: &'a Value, steps: &[Step]) -> Option<&'a Value> {
    steps.iter().try_fold(value, |value, step| match step {
        Step::Member(name) => value.get(name),
        Step::Element(index) => value.get(index),
    })
}

/// A scalar as text; objects and arrays are not scalars.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Bool(b) => Some(b.to_string()),
        Value::Number(n) => Some(n.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn structure(value: &Value) -> Option<String> {
    matches!(value, Value::Array(_) | Value::Object(_)).then(|| value.to_string())
}

/// Calls `use_it` with what each row's path finds; documents that are not JSON have nothing.
fn each_row(
    args: &ScalarFunctionArgs,
    mut use_it: impl FnMut(Option<Option<&Value>>),
) -> Result<()> {
    let (text, paths) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let constant = match &paths {
        Text::One(Some(text)) => Some(path(text)?),
        _ => None,
    };
    for row in 0..rows(args) {
        let (Some(text), Some(path_text)) = (text.get(row), paths.get(row)) else {
            use_it(None);
            continue;
        };
        let parsed;
        let steps = match &constant {
            Some(steps) => steps,
            None => {
                parsed = path(path_text)?;
                &parsed
            }
        };
        let value: Option<Value> = serde_json::from_str(text).ok();
        use_it(Some(value.as_ref().and_then(|v| find(v, steps))));
    }
    Ok(())
}

fn extract(
    args: &ScalarFunctionArgs,
    shape: fn(&Value) -> Option<String>,
) -> Result<ColumnarValue> {
    let mut out = StringBuilder::new();
    each_row(args, |found| {
        out.append_option(found.flatten().and_then(shape))
    })?;
    result(args, Arc::new(out.finish()))
}

fn exists(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let mut found = Vec::new();
    each_row(args, |value| found.push(value.map(|v| v.is_some())))?;
    result(args, Arc::new(BooleanArray::from(found)))
}

/// Whether a text is JSON of a kind; NULL is none.
fn is_json(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (text, kind) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let found = (0..rows(args)).map(|row| {
        let value = text.get(row).map(serde_json::from_str::<Value>);
        Some(match (value, kind.get(row)) {
            (Some(Ok(Value::Object(_))), Some("object")) => true,
            (Some(Ok(Value::Array(_))), Some("array")) => true,
            (Some(Ok(Value::Object(_) | Value::Array(_))), Some("scalar")) => false,
            (Some(Ok(_)), Some("scalar" | "value")) => true,
            _ => false,
        })
    });
    result(args, Arc::new(found.collect::<BooleanArray>()))
}
