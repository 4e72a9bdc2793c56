//! `entity show`: what the events of an entity add up to, for whoever has no code of it at hand. The state is the fields of their
//! data, each with the newest value (JSON Merge Patch, RFC 7386: `null` takes a field away).

use std::sync::Arc;

use arrow::array::{ArrayRef, RecordBatch, StringArray, TimestampMillisecondArray, UInt64Array};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater::events::{ReadStream, Recorded, Store, block_on};
use serde_json::{Map, Value};

use crate::cli::events::At;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::host::printed_rows;
use crate::cli::request::Replies;

/// The events up to a moment.
fn events(store: &Store, stream: &str, key: &str, at: At) -> Outcome<Vec<Recorded>> {
    let mut read = ReadStream::of(key);
    read.until = at.map(Into::into);
    let events = block_on(store.read(read))?;
    let events: Vec<Recorded> = events.into_iter().filter(|e| !e.is_system()).collect();
    match (events.is_empty(), at) {
        (false, _) => Ok(events),
        (true, None) => Err(Failure::failed(format!("'{stream}' has no entity '{key}'"))
            .with_hint(format!(
                "`headwater stream list {stream}` shows those that it has"
            ))),
        (true, Some(_)) => Err(Failure::failed(format!(
            "there was no '{key}' in '{stream}' then"
        ))),
    }
}

/// The state as one row.
pub(super) fn show(
    store: &Store,
    stream: &str,
    key: &str,
    at: At,
    replies: Replies<'_>,
) -> Outcome {
    let events = events(store, stream, key, at)?;
    let mut state = Value::Object(Map::new());
    events
        .iter()
        .for_each(|event| merge(&mut state, &data(event)));
    let Some(last) = events.last() else {
        return Ok(());
    };
    let columns: Vec<(Field, ArrayRef)> = vec![
        text("type", [stream]),
        text("id", [key]),
        numbers("version", [last]),
        times("updated_at", [last]),
        text("last_event", [last.kind.as_str()]),
        json("state", [state.to_string()]),
    ];
    send(columns, replies)
}

/// What each event has changed, as rows.
pub(super) fn diff(
    store: &Store,
    stream: &str,
    key: &str,
    at: At,
    replies: Replies<'_>,
) -> Outcome {
    let events = events(store, stream, key, at)?;
    let mut state = Value::Object(Map::new());
    let changes = events.iter().map(|event| {
        let before = state.clone();
        merge(&mut state, &data(event));
        Value::Object(changed(&before, &state)).to_string()
    });
    let changes: Vec<String> = changes.collect();
    let columns: Vec<(Field, ArrayRef)> = vec![
        numbers("version", &events),
        times("recorded_at", &events),
        text("event", events.iter().map(|e| e.kind.as_str())),
        json("changes", changes),
    ];
    send(columns, replies)
}

/// Data that are no object stand under the type of their event.
fn data(event: &Recorded) -> Value {
    match serde_json::from_slice(&event.data) {
        Ok(Value::Object(fields)) => Value::Object(fields),
        Ok(other) => Value::Object([(event.kind.clone(), other)].into_iter().collect()),
        Err(_) => Value::Object(Map::new()),
    }
}

/// RFC 7386.
fn merge(target: &mut Value, patch: &Value) {
    let Value::Object(fields) = patch else {
        *target = patch.clone();
        return;
    };
    if !target.is_object() {
        *target = Value::Object(Map::new());
    }
    let Value::Object(state) = target else { return };
    for (name, value) in fields {
        match value {
            Value::Null => drop(state.remove(name)),
            value => merge(state.entry(name.as_str()).or_insert(Value::Null), value),
        }
    }
}

/// The fields that differ, each as `[before, after]`; `null` where it is not there.
fn changed(before: &Value, after: &Value) -> Map<String, Value> {
    let (Value::Object(before), Value::Object(after)) = (before, after) else {
        return Map::new();
    };
    let names = before
        .keys()
        .chain(after.keys().filter(|n| !before.contains_key(*n)));
    let value = |of: &Map<String, Value>, name: &str| of.get(name).cloned().unwrap_or(Value::Null);
    let pairs = names.map(|name| (name, value(before, name), value(after, name)));
    pairs
        .filter(|(_, before, after)| before != after)
        .map(|(name, before, after)| (name.clone(), Value::Array(vec![before, after])))
        .collect()
}

fn text<'a>(name: &str, values: impl IntoIterator<Item = &'a str>) -> (Field, ArrayRef) {
    let array = StringArray::from_iter_values(values);
    (Field::new(name, DataType::Utf8, false), Arc::new(array))
}

fn json(name: &str, values: impl IntoIterator<Item = String>) -> (Field, ArrayRef) {
    let field = printed_rows::as_json(Field::new(name, DataType::Utf8, false));
    (field, Arc::new(StringArray::from_iter_values(values)))
}

fn numbers<'a>(name: &str, events: impl IntoIterator<Item = &'a Recorded>) -> (Field, ArrayRef) {
    let versions = events.into_iter().map(|e| e.version.map(|v| v.0));
    let array = UInt64Array::from_iter(versions);
    (Field::new(name, DataType::UInt64, true), Arc::new(array))
}

fn times<'a>(name: &str, events: impl IntoIterator<Item = &'a Recorded>) -> (Field, ArrayRef) {
    let times = events.into_iter().map(|e| e.recorded_at.0);
    let array = TimestampMillisecondArray::from_iter_values(times).with_timezone("UTC");
    let kind = DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    (Field::new(name, kind, false), Arc::new(array))
}

fn send(columns: Vec<(Field, ArrayRef)>, replies: Replies<'_>) -> Outcome {
    let (fields, arrays): (Vec<Field>, Vec<ArrayRef>) = columns.into_iter().unzip();
    let schema = Arc::new(Schema::new(fields));
    let batch = RecordBatch::try_new(Arc::clone(&schema), arrays)
        .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    printed_rows::send(&schema, [batch], replies)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_newest_value_of_a_field_counts_and_null_takes_it_away() {
        let mut state = json!({});
        for patch in [
            json!({"name": "ada", "address": {"city": "Paris", "zip": 7}}),
            json!({"address": {"zip": 8}, "note": [1, 2]}),
            json!({"note": null, "address": {"city": null}}),
        ] {
            merge(&mut state, &patch);
        }
        assert_eq!(state, json!({"name": "ada", "address": {"zip": 8}}));
    }

    #[test]
    fn a_change_has_what_was_before_and_what_is_after() {
        let changes = changed(
            &json!({"a": 1, "b": 2, "c": 3}),
            &json!({"a": 1, "b": 5, "d": 4}),
        );
        let expected = json!({"b": [2, 5], "c": [3, null], "d": [null, 4]});
        assert_eq!(Value::Object(changes), expected);
    }
}
