//! Debezium's events: those that it made itself, as `bench/peers/debezium` writes them down, and ours.

use headwater_log::{Log, Offset, TopicPartition};
use serde_json::Value;

/// Key, value and headers.
pub(crate) type Event = (Value, Value, Vec<(String, Value)>);

pub(crate) fn json(bytes: &[u8]) -> Value {
    serde_json::from_slice(bytes).unwrap()
}

/// A key without its schema.
pub(crate) fn payload(key: Value) -> Value {
    key.get("payload").cloned().unwrap_or(key)
}

pub(crate) fn ours(log: &Log, topic: &str) -> Vec<Event> {
    let of = TopicPartition::new(topic, 0);
    let (mut all, mut next) = (Vec::new(), log.bounds(&of).unwrap().start);
    loop {
        let fetched = log.fetch(&of, next, 1 << 20).unwrap();
        let Some(last) = fetched.batches.last() else {
            return all;
        };
        next = Offset(last.next_offset().0);
        for batch in &fetched.batches {
            let mut offset = batch.base_offset();
            while offset < batch.next_offset() {
                if let Some(record) = batch.record_at(offset).unwrap() {
                    let headers = record.headers.into_iter();
                    let header =
                        |h: headwater_log::Header| (h.key, payload(json(&h.value.unwrap())));
                    all.push((
                        json(&record.key.unwrap()),
                        record.value.map_or(Value::Null, |v| json(&v)),
                        headers.map(header).collect(),
                    ));
                }
                offset = Offset(offset.0 + 1);
            }
        }
    }
}

pub(crate) fn theirs(fixture: &str, topic: &str) -> Vec<Event> {
    let event = |line: &str| {
        let mut parts = line.split('\t');
        let theirs = parts.next()?;
        let mut next = || json(parts.next().unwrap().as_bytes());
        let (key, value) = (next(), next());
        let headers = parts.next().unwrap().split(' ').filter(|h| !h.is_empty());
        let headers = headers.map(|h| {
            let (name, key) = h.split_once('=').unwrap();
            (name.to_owned(), payload(json(key.as_bytes())))
        });
        (theirs == topic).then(|| (key, value, headers.collect()))
    };
    fixture.lines().filter_map(event).collect()
}

/// Numbers are what they are, however they are written.
pub(crate) fn plain_numbers(value: &mut Value) {
    match value {
        Value::Number(number) if number.as_i64().is_none() => {
            let number = number.as_f64().unwrap();
            if number.fract() == 0.0 && number.abs() < 1e15 {
                *value = Value::from(number as i64);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(plain_numbers),
        Value::Object(members) => members.values_mut().for_each(plain_numbers),
        _ => {}
    }
}

/// Takes away what is not the same from run to run, of the source what `volatile` names; the two rows and what comes of a schema.
pub(crate) fn take_volatile<'a>(
    value: &'a mut Value,
    volatile: &[&str],
) -> Option<&'a mut serde_json::Map<String, Value>> {
    plain_numbers(value);
    let envelope = match value.get("schema").is_some() {
        true => &mut value["payload"],
        false => value,
    };
    let members = envelope.as_object_mut()?;
    for gone in ["ts_ms", "ts_us", "ts_ns"] {
        assert!(members.remove(gone).unwrap().is_i64(), "{gone}");
    }
    let source = members["source"].as_object_mut().unwrap();
    for volatile in volatile {
        assert!(source.remove(*volatile).is_some(), "{volatile}");
    }
    if source["snapshot"] != "false" {
        source["snapshot"] = "true".into();
    }
    Some(members)
}

/// Ours are theirs, topic by topic, in their order, once `level` has made the two of a table comparable.
pub(crate) fn check_same(
    log: &Log,
    tables: &[&str],
    (prefix, fixture): (&str, &str),
    mut level: impl FnMut(&str, &mut Event, &mut Event),
) {
    for name in tables {
        let topic = format!("{prefix}.{name}");
        let (got, want) = (ours(log, &topic), theirs(fixture, &topic));
        assert_eq!(got.len(), want.len(), "{name}");
        assert!(!got.is_empty());
        for (mut got, mut want) in got.into_iter().zip(want) {
            level(name, &mut got, &mut want);
            assert_eq!(got, want, "{name}");
        }
    }
}

/// A line for each event of a topic: its key's id and that it is gone, or the kind of change and what `line` makes of the event.
pub(crate) fn told(log: &Log, topic: &str, line: impl Fn(&Value) -> String) -> Vec<String> {
    let told = ours(log, topic).into_iter().map(|(key, value, _)| {
        let (key, value) = (payload(key), payload(value));
        let id = &key["id"];
        if value.is_null() {
            return format!("{id} gone");
        }
        let op = value["op"].as_str().unwrap();
        if op == "d" {
            assert!(value["before"].is_null() || value["before"]["id"] == *id);
        }
        format!("{id} {op} {}", line(&value))
    });
    told.collect()
}

/// Leaves columns out of the schemas of rows.
pub(crate) fn leave_out_of_schemas(value: &mut Value, is_left_out: impl Fn(&str) -> bool) {
    for row in 0..if value.get("schema").is_some() { 2 } else { 0 } {
        let fields = &mut value["schema"]["fields"][row]["fields"];
        let is_kept = |f: &Value| !is_left_out(f["field"].as_str().unwrap());
        fields.as_array_mut().unwrap().retain(is_kept);
    }
}
