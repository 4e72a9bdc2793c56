//! Random tables, changed at random, told by each writer: what is read adds up to the table.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::{decode, decoder, rejected, sum, table};
use crate::properties::seed;
use crate::support::schema;

/// A row but for its key: text, and the digits of a decimal.
pub(super) type Row = (Option<String>, Option<i64>);

/// What happened to a row.
pub(super) struct Change {
    pub(super) key: i64,
    /// The key and the row before.
    pub(super) before: Option<(i64, Row)>,
    pub(super) after: Option<Row>,
}

/// A format, what writes it, and the options that it is read with.
type Writer = (
    &'static str,
    fn(&Change) -> Vec<Option<String>>,
    &'static [(&'static str, &'static str)],
);

/// Changes, and what the table is after them.
pub(super) fn changes(rng: &mut StdRng) -> (Vec<Change>, BTreeMap<i64, Row>) {
    let mut table: BTreeMap<i64, Row> = BTreeMap::new();
    let mut changes = Vec::new();
    for _ in 0..rng.random_range(0..60) {
        let key = rng.random_range(0..8);
        let text = rng.random_bool(0.8).then(|| {
            "\"é\\x\n"
                .chars()
                .cycle()
                .take(rng.random_range(0..7))
                .collect()
        });
        let digits = rng.random_bool(0.8).then(|| match rng.random_bool(0.5) {
            true => rng.random_range(-300..300),
            false => rng.random(),
        });
        let row: Row = (text, digits);
        let free = (0..9).find(|k| !table.contains_key(k));
        let (before, after) = match (table.remove(&key), rng.random_range(0..4), free) {
            (None, ..) => (None, Some((key, row))),
            (Some(old), 0, _) => (Some((key, old)), None),
            (Some(old), 1, Some(free)) if free != key => (Some((key, old)), Some((free, row))),
            (Some(old), ..) => (Some((key, old)), Some((key, row))),
        };
        if let Some((key, row)) = &after {
            table.insert(*key, row.clone());
        }
        changes.push(Change {
            key: after.as_ref().map_or(key, |(key, _)| *key),
            before,
            after: after.map(|(_, row)| row),
        });
    }
    (changes, table)
}

/// The exact text of a DECIMAL(20, 2).
pub(super) fn decimal(digits: i64) -> String {
    let (sign, digits) = (if digits < 0 { "-" } else { "" }, digits.unsigned_abs());
    format!("{sign}{}.{:02}", digits / 100, digits % 100)
}

fn packed(digits: i64) -> String {
    let mut text = Vec::new();
    headwater_connect::base64::encode(&digits.to_be_bytes(), &mut text);
    String::from_utf8(text).unwrap()
}

fn object(key: i64, (text, digits): &Row, number: impl Fn(i64) -> Value) -> Value {
    json!({"id": key, "text": text, "n": digits.map(number)})
}

fn debezium(change: &Change) -> Vec<Option<String>> {
    let row = |key, row: &Row| object(key, row, |n| json!(packed(n)));
    let event = |op: &str, before: Value, after: Value| {
        Some(json!({"before": before, "after": after, "op": op, "source": {}}).to_string())
    };
    match (&change.before, &change.after) {
        (None, Some(after)) => vec![event("c", Value::Null, row(change.key, after))],
        (Some((key, before)), None) => vec![event("d", row(*key, before), Value::Null), None],
        (Some((key, before)), Some(after)) if *key == change.key => {
            vec![event("u", row(*key, before), row(*key, after))]
        }
        (Some((key, before)), Some(after)) => vec![
            event("d", row(*key, before), Value::Null),
            None,
            event("c", Value::Null, row(change.key, after)),
        ],
        (None, None) => Vec::new(),
    }
}

/// The members of `before` that are others in `after`.
fn old(before: &Value, after: &Value) -> Value {
    let members = before.as_object().unwrap().iter();
    let changed = members.filter(|(name, value)| after[name.as_str()] != **value);
    changed
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect::<serde_json::Map<_, _>>()
        .into()
}

fn maxwell(change: &Change) -> Vec<Option<String>> {
    let row = |key, row: &Row| object(key, row, |n| json!(decimal(n)));
    let record = match (&change.before, &change.after) {
        (None, Some(after)) => json!({"type": "insert", "data": row(change.key, after)}),
        (Some((key, before)), None) => json!({"type": "delete", "data": row(*key, before)}),
        (Some((key, before)), Some(after)) => {
            let (before, after) = (row(*key, before), row(change.key, after));
            json!({"old": old(&before, &after), "type": "update", "data": after})
        }
        (None, None) => return Vec::new(),
    };
    vec![Some(record.to_string())]
}

fn canal(change: &Change) -> Vec<Option<String>> {
    let row = |key: i64, row: &Row| {
        let mut row = object(key, row, |n| json!(decimal(n)));
        row["id"] = json!(key.to_string());
        row
    };
    let record = match (&change.before, &change.after) {
        (None, Some(after)) => {
            json!({"type": "INSERT", "data": [row(change.key, after)], "old": null})
        }
        (Some((key, before)), None) => json!({"type": "DELETE", "data": [row(*key, before)]}),
        (Some((key, before)), Some(after)) => {
            let (before, after) = (row(*key, before), row(change.key, after));
            json!({"old": [old(&before, &after)], "type": "UPDATE", "data": [after]})
        }
        (None, None) => return Vec::new(),
    };
    vec![Some(record.to_string())]
}

#[test]
fn what_is_read_adds_up_to_the_table() {
    let seed = seed();
    let columns = schema(&[
        ("id", DataType::Int64),
        ("text", DataType::Utf8),
        ("n", DataType::Decimal128(20, 2)),
    ]);
    let writers: [Writer; 3] = [
        (
            "debezium-json",
            debezium,
            &[("debezium-json.decimal.handling.mode", "precise")],
        ),
        ("maxwell-json", maxwell, &[]),
        ("canal-json", canal, &[]),
    ];
    for round in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed ^ round);
        let (changes, model) = changes(&mut rng);
        let want: Vec<String> = model
            .iter()
            .map(|(key, (text, digits))| {
                let number = digits.map_or("null".to_owned(), decimal);
                format!("{{\"id\":{key},\"text\":{},\"n\":{number}}}", json!(text))
            })
            .collect();
        for (format, writer, options) in writers {
            let records: Vec<Option<String>> = changes.iter().flat_map(writer).collect();
            let keyed = decode(&*decoder(format, &columns, true, options), &records);
            assert_eq!(rejected(&keyed), [], "{format}, round {round}");
            assert_eq!(table(&keyed), want, "{format}, round {round}");
            let keyless = decode(&*decoder(format, &columns, false, options), &records);
            let sum = sum(&keyless);
            assert!(
                sum.values().all(|weight| *weight == 1),
                "{format}, round {round}"
            );
            let mut rows: Vec<&String> = sum.keys().collect();
            let mut want: Vec<&String> = want.iter().collect();
            rows.sort();
            want.sort();
            assert_eq!(rows, want, "{format}, round {round}");
        }
    }
}
