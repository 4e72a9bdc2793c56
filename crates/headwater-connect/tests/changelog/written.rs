//! What is written reads back as the same changelog, from topics and files.

use std::sync::Arc;

use arrow::array::Int64Array;
use arrow::datatypes::{DataType, Field, SchemaRef, TimeUnit};
use headwater_flow::ZBatch;
use headwater_flow::connector::{Connector, Sink};
use headwater_log::Commit;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use super::properties::{Change, changes, decimal};
use super::{decode, decoder, rejected, sum, table, weighted};
use crate::contract::{log, sink_request};
use crate::properties::seed;
use crate::support::{decoder as plain, encoder, registry, schema};

const FORMATS: [&str; 3] = ["debezium-json", "maxwell-json", "canal-json"];

fn columns() -> SchemaRef {
    schema(&[
        ("id", DataType::Int64),
        ("text", DataType::Utf8),
        ("n", DataType::Decimal128(20, 2)),
    ])
}

/// Rows with their weights.
fn batch(columns: &SchemaRef, rows: &[(i64, Value)]) -> ZBatch {
    let lines: Vec<String> = rows.iter().map(|(_, row)| row.to_string()).collect();
    let lines: Vec<Option<&[u8]>> = lines.iter().map(|l| Some(l.as_bytes())).collect();
    let decoded = plain("json", columns, &[]).decode(&lines).unwrap();
    assert_eq!(decoded.rejects, []);
    let weights: Int64Array = rows.iter().map(|(weight, _)| *weight).collect();
    ZBatch::new(decoded.rows, Some(weights)).unwrap()
}

/// What changes do to rows, cut into epochs and those into batches.
fn epochs(columns: &SchemaRef, changes: &[Change], rng: &mut StdRng) -> Vec<Vec<ZBatch>> {
    let mut epochs = vec![vec![Vec::new()]];
    for change in changes {
        if rng.random_bool(0.2) {
            epochs.push(vec![Vec::new()]);
        }
        let epoch = epochs.last_mut().unwrap();
        if rng.random_bool(0.2) {
            epoch.push(Vec::new());
        }
        let row = |key: i64, (text, n): &(Option<String>, Option<i64>)| json!({"id": key, "text": text, "n": n.map(decimal)});
        let rows = epoch.last_mut().unwrap();
        rows.extend(change.before.iter().map(|(key, old)| (-1, row(*key, old))));
        rows.extend(change.after.iter().map(|new| (1, row(change.key, new))));
    }
    let epoch = |batches: Vec<Vec<_>>| batches.iter().map(|rows| batch(columns, rows)).collect();
    epochs.into_iter().map(epoch).collect()
}

fn sink(connector: &dyn Connector, pairs: &[(&str, &str)], is_keyed: bool) -> Box<dyn Sink> {
    let mut request = sink_request(&log(), "out", &columns(), pairs);
    request.primary_key = is_keyed.then(|| "id".to_owned()).into_iter().collect();
    let mut sink = connector.sink(request).unwrap();
    sink.recover(0).unwrap();
    sink
}

/// The records that a topic gets, in the order of their partitions.
fn in_topic(format: &str, is_keyed: bool, epochs: &[Vec<ZBatch>]) -> Vec<Option<Vec<u8>>> {
    let pairs = [("format", format), ("partitions", "3")];
    let registry = registry();
    let mut sink = sink(&**registry.connector("topic").unwrap(), &pairs, is_keyed);
    let mut partitions = vec![Vec::new(); 3];
    for (epoch, batches) in epochs.iter().enumerate() {
        let mut commit = Commit::new();
        sink.write(epoch as u64 + 1, batches, &mut commit).unwrap();
        for append in commit.appends {
            for record in append.records {
                assert_eq!(record.key.is_some(), is_keyed);
                let key = record.key.map(|key| serde_json::from_slice(&key).unwrap());
                let keys = |key: Value| key.as_object().unwrap().keys().cloned().collect();
                let keys: Vec<String> = key.map_or(Vec::new(), keys);
                assert_eq!(keys, if is_keyed { vec!["id"] } else { Vec::new() });
                partitions[append.to.partition as usize].push(record.value.map(|v| v.to_vec()));
            }
        }
    }
    partitions.concat()
}

/// The lines that a file gets.
fn in_file(format: &str, is_keyed: bool, epochs: &[Vec<ZBatch>]) -> Vec<Option<Vec<u8>>> {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out.jsonl");
    let pairs = [("path", path.to_str().unwrap()), ("format", format)];
    let registry = registry();
    let connector = registry.connector("filesystem").unwrap();
    let mut sink = sink(&**connector, &pairs, is_keyed);
    for (epoch, batches) in epochs.iter().enumerate() {
        let epoch = epoch as u64 + 1;
        sink.write(epoch, batches, &mut Commit::new()).unwrap();
        sink.committed(epoch).unwrap();
    }
    let text = std::fs::read(&path).unwrap_or_default();
    let lines = text
        .split(|byte| *byte == b'\n')
        .filter(|line| !line.is_empty());
    lines.map(|line| Some(line.to_vec())).collect()
}

#[test]
fn what_is_written_reads_back_as_the_same_changelog() {
    let seed = seed();
    let columns = columns();
    for round in 0..80 {
        let mut rng = StdRng::seed_from_u64(seed ^ round);
        let (changes, model) = changes(&mut rng);
        let want: Vec<String> = model
            .iter()
            .map(|(key, (text, n))| {
                let number = n.map_or("null".to_owned(), decimal);
                format!("{{\"id\":{key},\"text\":{},\"n\":{number}}}", json!(text))
            })
            .collect();
        let epochs = epochs(&columns, &changes, &mut rng);
        for format in FORMATS {
            // Files are made durable each time, so few of them are written.
            let ways = if round % 8 == 0 { 2 } else { 1 };
            for written in &[in_topic, in_file][..ways] {
                let records = written(format, true, &epochs);
                let keyed = decode(&*decoder(format, &columns, true, &[]), &records);
                assert_eq!(rejected(&keyed), [], "{format}, round {round}");
                assert_eq!(table(&keyed), want, "{format}, round {round}");
                let records = written(format, false, &epochs);
                let sum = sum(&decode(&*decoder(format, &columns, false, &[]), &records));
                let mut rows: Vec<&String> = sum.keys().collect();
                let mut want: Vec<&String> = want.iter().collect();
                rows.sort();
                want.sort();
                assert_eq!(rows, want, "{format}, round {round}");
                assert!(sum.values().all(|weight| *weight == 1));
            }
        }
    }
}

#[test]
fn records_are_those_of_flink() {
    let columns = columns();
    let rows = [
        (2, json!({"id": 1, "text": "a", "n": "1.50"})),
        (-1, json!({"id": 2, "text": null, "n": null})),
        (1, json!({"id": 3, "text": "c", "n": null})),
        (-1, json!({"id": 3, "text": "c", "n": null})),
    ];
    let (a, b) = (
        r#"{"id":1,"text":"a","n":1.50}"#,
        r#"{"id":2,"text":null,"n":null}"#,
    );
    for (format, came, went) in [
        (
            "debezium-json",
            format!(r#"{{"before":null,"after":{a},"op":"c"}}"#),
            format!(r#"{{"before":{b},"after":null,"op":"d"}}"#),
        ),
        (
            "maxwell-json",
            format!(r#"{{"data":{a},"type":"insert"}}"#),
            format!(r#"{{"data":{b},"type":"delete"}}"#),
        ),
        (
            "canal-json",
            format!(r#"{{"data":[{a}],"type":"INSERT"}}"#),
            format!(r#"{{"data":[{b}],"type":"DELETE"}}"#),
        ),
    ] {
        // What came and went again is not told, and what went is told first.
        let got = in_file(format, false, &[vec![batch(&columns, &rows)]]);
        let got: Vec<String> = got
            .into_iter()
            .map(|r| String::from_utf8(r.unwrap()).unwrap())
            .collect();
        assert_eq!(got, [went, came.clone(), came], "{format}");
    }
}

#[test]
fn values_of_all_types_come_back() {
    let item = Arc::new(Field::new("item", DataType::Int32, true));
    let columns = schema(&[
        ("flag", DataType::Boolean),
        ("small", DataType::Int16),
        ("double", DataType::Float64),
        ("day", DataType::Date32),
        ("time", DataType::Time32(TimeUnit::Millisecond)),
        ("at", DataType::Timestamp(TimeUnit::Microsecond, None)),
        (
            "zoned",
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        ),
        ("bytes", DataType::Binary),
        ("list", DataType::List(item)),
    ]);
    let rows = [
        (
            1,
            json!({"flag": true, "small": -7, "double": 0.1, "day": "1969-12-31", "time": "23:59:59.999",
            "at": "2026-11-26 01:02:03.456789", "zoned": "2026-11-26 01:02:03.004Z", "bytes": "AP8=", "list": [1, null]}),
        ),
        (-1, json!({"flag": null, "list": []})),
    ];
    let batch = batch(&columns, &rows);
    let whole = ZBatch::append_only(batch.rows().clone());
    let want: Vec<String> = (0..2).map(|row| whole.json(row).unwrap()).collect();
    for format in FORMATS {
        for style in ["SQL", "ISO-8601"] {
            let option = format!("{format}.timestamp-format.standard");
            let pairs = [(option.as_str(), style)];
            let (mut out, mut ends) = (Vec::new(), Vec::new());
            let encoder = encoder(format, &columns, &pairs);
            encoder.encode(&batch, &mut out, &mut ends).unwrap();
            let records = [Some(&out[..ends[0]]), Some(&out[ends[0]..])];
            let decoded = decode(&*decoder(format, &columns, false, &[]), &records);
            assert_eq!(rejected(&decoded), [], "{format}");
            let weights: Vec<i64> = weighted(&decoded)
                .iter()
                .map(|(weight, _)| *weight)
                .collect();
            assert_eq!(weights, [1, -1], "{format}");
            let read = ZBatch::append_only(decoded.rows);
            let got: Vec<String> = (0..2).map(|row| read.json(row).unwrap()).collect();
            assert_eq!(got, want, "{format}");
        }
    }
}
