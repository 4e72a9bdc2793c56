//! Functions that take arrays, or make arrays and maps of texts: `ELEMENT`, `ARRAY_POSITION`, `SPLIT`, `STR_TO_MAP`.

use std::sync::Arc;

use arrow::array::{
    Array, AsArray, Int32Array, ListBuilder, MapBuilder, MapFieldNames, StringBuilder, UInt32Array,
};
use arrow::compute::take;
use arrow::datatypes::{DataType, Field, Fields};
use datafusion_common::{Result, ScalarValue, exec_err};
use datafusion_expr::{ColumnarValue, ScalarFunctionArgs};

use super::regex::pattern;
use super::spec::{Spec, Text, all_texts, result, rows};

pub(super) static SPECS: [Spec; 4] = [
    Spec {
        name: "element",
        aliases: &[],
        usage: "ELEMENT(array)",
        coerce: |types| match types {
            [list @ DataType::List(_)] => Some(vec![list.clone()]),
            _ => None,
        },
        returns: |types| element_type(&types[0]),
        invoke: element,
    },
    Spec {
        name: "array_position",
        aliases: &["list_position", "array_indexof"],
        usage: "ARRAY_POSITION(array, element)",
        coerce: |types| match types {
            [list @ DataType::List(item), _] => Some(vec![list.clone(), item.data_type().clone()]),
            _ => None,
        },
        returns: |_| DataType::Int32,
        invoke: array_position,
    },
    Spec {
        name: "split",
        aliases: &[],
        usage: "SPLIT(text, separator)",
        coerce: |types| all_texts(types, 2..=2),
        returns: |_| list_of_texts(),
        invoke: split,
    },
    Spec {
        name: "str_to_map",
        aliases: &[],
        usage: "STR_TO_MAP(text[, separator of entries, separator of key and value])",
        coerce: |types| all_texts(types, 1..=3),
        returns: |_| map_of_texts(),
        invoke: str_to_map,
    },
];

pub(super) fn list_of_texts() -> DataType {
    DataType::new_list(DataType::Utf8, true)
}

fn map_of_texts() -> DataType {
    let fields = vec![
        Field::new("key", DataType::Utf8, false),
        Field::new("value", DataType::Utf8, true),
    ];
    let entries = Field::new("entries", DataType::Struct(Fields::from(fields)), false);
    DataType::Map(Arc::new(entries), false)
}

fn element_type(list: &DataType) -> DataType {
    match list {
        DataType::List(item) => item.data_type().clone(),
        other => other.clone(),
    }
}

/// The only element; NULL of an empty array.
fn element(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let lists = args.args[0].to_array(rows(args))?;
    let lists = lists.as_list::<i32>();
    let mut places = Vec::with_capacity(lists.len());
    for row in 0..lists.len() {
        let count = lists.value_length(row);
        places.push(match (lists.is_valid(row), count) {
            (false, _) | (true, 0) => None,
            (true, 1) => Some(lists.value_offsets()[row] as u32),
            _ => return exec_err!("ELEMENT takes an array of one element, not of {count}"),
        });
    }
    result(
        args,
        take(lists.values(), &UInt32Array::from(places), None)?,
    )
}

/// Where the element is first, from 1; 0 if it is not there.
fn array_position(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let count = rows(args);
    let (lists, wanted) = (args.args[0].to_array(count)?, args.args[1].to_array(count)?);
    let lists = lists.as_list::<i32>();
    let mut places = Vec::with_capacity(count);
    for row in 0..count {
        if lists.is_null(row) || wanted.is_null(row) {
            places.push(None);
            continue;
        }
        let (list, wanted) = (lists.value(row), ScalarValue::try_from_array(&wanted, row)?);
        let mut place = 0;
        for i in 0..list.len() {
            if ScalarValue::try_from_array(&list, i)? == wanted {
                place = i as i32 + 1;
                break;
            }
        }
        places.push(Some(place));
    }
    result(args, Arc::new(Int32Array::from(places)))
}

/// The parts between separators; an empty separator separates every character.
fn split(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let (text, separator) = (Text::new(&args.args[0])?, Text::new(&args.args[1])?);
    let mut out = ListBuilder::new(StringBuilder::new());
    for row in 0..rows(args) {
        let (Some(text), Some(separator)) = (text.get(row), separator.get(row)) else {
            out.append_null();
            continue;
        };
        match separator {
            "" => text
                .chars()
                .for_each(|c| out.values().append_value(c.encode_utf8(&mut [0; 4]))),
            _ => text
                .split(separator)
                .for_each(|part| out.values().append_value(part)),
        }
        out.append(true);
    }
    result(args, Arc::new(out.finish()))
}

/// The entries between separators, which are regular expressions; a later entry of a key replaces an earlier one.
fn str_to_map(args: &ScalarFunctionArgs) -> Result<ColumnarValue> {
    let text = Text::new(&args.args[0])?;
    let between_entries = args.args.get(1).map(Text::new).transpose()?;
    let between_both = args.args.get(2).map(Text::new).transpose()?;
    let names = MapFieldNames {
        entry: "entries".into(),
        key: "key".into(),
        value: "value".into(),
    };
    let mut out = MapBuilder::new(Some(names), StringBuilder::new(), StringBuilder::new());
    for row in 0..rows(args) {
        let entries = between_entries.as_ref().map_or(Some(","), |t| t.get(row));
        let both = between_both.as_ref().map_or(Some("="), |t| t.get(row));
        let (Some(text), Some(entries), Some(both)) = (text.get(row), entries, both) else {
            out.append(false)?;
            continue;
        };
        for (key, value) in split_entries(text, entries, both)? {
            out.keys().append_value(key);
            out.values().append_option(value);
        }
        out.append(true)?;
    }
    result(args, Arc::new(out.finish()))
}

fn split_entries<'a>(
    text: &'a str,
    between_entries: &str,
    between_both: &str,
) -> Result<Vec<(&'a str, Option<&'a str>)>> {
    let (between_entries, between_both) = (pattern(between_entries)?, pattern(between_both)?);
    let mut entries: Vec<(&str, Option<&str>)> = Vec::new();
    for entry in between_entries.split(text) {
        let mut both = between_both.splitn(entry, 2);
        let (key, value) = (both.next().unwrap_or_default(), both.next());
        match entries.iter_mut().find(|(k, _)| *k == key) {
            Some(known) => known.1 = value,
            None => entries.push((key, value)),
        }
    }
    Ok(entries)
}
