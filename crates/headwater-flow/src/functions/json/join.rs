//! `JSON_OBJECTAGG` and `JSON_ARRAYAGG`: the planner writes them as these functions over `ARRAY_AGG` of documents of one entry
//! each, so that their groups change, and fail, like all others.

use std::collections::BTreeSet;

use arrow::array::{Array, AsArray};
use arrow::datatypes::DataType;
use datafusion_common::{Result, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};
use serde_json::{Map, Value};

use crate::functions::spec::{Spec, is_text, rows, strings, texts};

pub(in crate::functions) static SPECS: [Spec; 2] = [
    Spec {
        name: "json_object_of",
        aliases: &[],
        usage: "JSON_OBJECTAGG(KEY key VALUE value)",
        coerce: documents,
        returns: |_| DataType::Utf8,
        invoke: |args| join(args, '{', '}'),
    },
    Spec {
        name: "json_array_of",
        aliases: &[],
        usage: "JSON_ARRAYAGG(value)",
        coerce: documents,
        returns: |_| DataType::Utf8,
        invoke: |args| join(args, '[', ']'),
    },
];

fn documents(types: &[DataType]) -> Option<Vec<DataType>> {
    match types {
        [DataType::List(item)] if is_text(item.data_type()) => {
            Some(vec![DataType::new_list(DataType::Utf8, true)])
        }
        _ => None,
    }
}

/// One document with the entries of all; no document is one without entries.
fn join(args: &ScalarFunctionArgs, open: char, close: char) -> Result<ColumnarValue> {
    let lists = args.args[0].to_array(rows(args))?;
    let lists = lists.as_list::<i32>();
    texts(args, |row| {
        let mut out = String::from(open);
        if lists.is_valid(row) {
            let documents = strings(&lists.value(row))?;
            let mut keys = BTreeSet::new();
            for document in documents.iter().flatten() {
                let entries = document
                    .strip_prefix(open)
                    .and_then(|d| d.strip_suffix(close));
                let Some(entries) = entries.filter(|e| !e.is_empty()) else {
                    continue;
                };
                if open == '{' && !keys.insert(key(document)?) {
                    return exec_err!("a key of JSON_OBJECTAGG occurs more than once");
                }
                if out.len() > 1 {
                    out.push(',');
                }
                out.push_str(entries);
            }
        }
        out.push(close);
        Ok(Some(out))
    })
}

/// The key of an object of one entry.
fn key(document: &str) -> Result<String> {
    let object: Map<String, Value> = match serde_json::from_str(document) {
        Ok(object) => object,
        Err(_) => return exec_err!("an entry of JSON_OBJECTAGG is no JSON"),
    };
    Ok(object
        .into_iter()
        .next()
        .map(|(key, _)| key)
        .unwrap_or_default())
}
