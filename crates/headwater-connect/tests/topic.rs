//! The `topic` connector.

use std::sync::Arc;

use arrow::array::{Int64Array, RecordBatch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use bytes::Bytes;
use headwater_flow::connector::Sink;
use headwater_flow::{ErrorKind, ZBatch};
use headwater_log::{Commit, Log, Record, TopicConfig, TopicPartition, partition_of};

use crate::contract::{
    End, assert_error, check_source, drain, log, open, sink_request, source_request,
};
use crate::support::{decode, decoder, registry, schema};

fn columns() -> SchemaRef {
    schema(&[("id", DataType::Int64), ("text", DataType::Utf8)])
}

fn produce(log: &Log, topic: &str, records: &[(Option<&str>, Option<&str>)]) {
    let record = |(key, value): &(Option<&str>, Option<&str>)| Record {
        key: key.map(|k| Bytes::copy_from_slice(k.as_bytes())),
        value: value.map(|v| Bytes::copy_from_slice(v.as_bytes())),
        ..Record::default()
    };
    let commit = Commit::new().append(TopicPartition::new(topic, 0), records.iter().map(record));
    log.commit(commit).unwrap();
}

fn rows(schema: &SchemaRef, values: &[&str], weights: Option<Vec<i64>>) -> ZBatch {
    let rows: RecordBatch = decode(&*decoder("json", schema, &[]), values).rows;
    assert_eq!(rows.num_rows(), values.len());
    ZBatch::new(rows, weights.map(Int64Array::from)).unwrap()
}

fn write(log: &Log, sink: &mut dyn Sink, epoch: u64, batches: &[ZBatch]) {
    let mut commit = Commit::new();
    sink.write(epoch, batches, &mut commit).unwrap();
    if !commit.appends.is_empty() {
        log.commit(commit).unwrap();
    }
    sink.committed(epoch).unwrap();
}

/// Key and value of every record of a partition.
fn records(log: &Log, topic: &str, partition: u32) -> Vec<(Option<String>, Option<String>)> {
    let of = TopicPartition::new(topic, partition);
    if log.bounds(&of).unwrap().end.0 == 0 {
        return Vec::new();
    }
    let fetched = log
        .fetch(&of, headwater_log::Offset(0), usize::MAX)
        .unwrap();
    let text = |b: Option<Bytes>| b.map(|b| String::from_utf8(b.to_vec()).unwrap());
    let records = fetched
        .batches
        .iter()
        .flat_map(headwater_log::LogBatch::records);
    records
        .map(|r| r.unwrap().1)
        .map(|r| (text(r.key), text(r.value)))
        .collect()
}

#[test]
fn a_topic_is_read_in_any_cut() {
    let log = log();
    log.create_topic("t", TopicConfig::partitions(1)).unwrap();
    for i in 0..50 {
        let value = format!("{{\"id\":{i},\"text\":\"{}\"}}", "x".repeat(i));
        let bad = format!("nonsense {i}");
        produce(
            &log,
            "t",
            &[
                (None, Some(&value)),
                (None, Some(&bad)),
                (None, None),
                (Some("k"), Some(&value)),
            ],
        );
    }
    let drained =
        check_source(|| open("topic", source_request(&log, "t", &columns(), &[])).unwrap());
    assert_eq!((drained.rows.len(), drained.rejects.len()), (100, 100));
    assert_eq!(drained.end, End::Pending);
}

#[test]
fn startup_and_bounds_say_where_reading_begins_and_stops() {
    let log = log();
    log.create_topic("t", TopicConfig::partitions(1)).unwrap();
    let lines: Vec<String> = (0..10).map(|i| format!("{{\"id\":{i}}}")).collect();
    lines
        .iter()
        .for_each(|l| produce(&log, "t", &[(None, Some(l))]));
    let read = |pairs: &[(&str, &str)]| {
        let mut source = open("topic", source_request(&log, "t", &columns(), pairs)).unwrap();
        let start = source.partitions().unwrap()[0].start;
        let drained = drain(&mut *source, 0, start, 1 << 20);
        (drained.offsets, drained.end)
    };
    assert_eq!(
        read(&[("scan.startup.mode", "latest-offset")]),
        (vec![], End::Pending)
    );
    assert_eq!(
        read(&[("scan.bounded.mode", "latest-offset")]),
        ((0..10).collect(), End::Stopped)
    );
    let from = [
        ("scan.startup.mode", "specific-offsets"),
        ("scan.startup.specific-offsets", "partition:0,offset:7"),
    ];
    assert_eq!(read(&from), ((7..10).collect(), End::Pending));
    let to = [
        ("scan.bounded.mode", "specific-offsets"),
        ("scan.bounded.specific-offsets", "partition:0,offset:3"),
    ];
    assert_eq!(read(&to), ((0..3).collect(), End::Stopped));
    let time = [
        ("scan.startup.mode", "timestamp"),
        ("scan.startup.timestamp-millis", "1001"),
    ];
    assert_eq!(read(&time), (vec![], End::Pending));
    let wrong = source_request(&log, "t", &columns(), &[("scan.startup.mode", "yesterday")]);
    assert_error(open("topic", wrong), ErrorKind::Invalid, "yesterday");
}

#[test]
fn tombstones_of_a_keyed_table_are_deletions_with_the_key() {
    let log = log();
    let columns: SchemaRef = Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, false),
        Field::new("text", DataType::Utf8, true),
        Field::new("n", DataType::Int32, false),
    ]));
    log.create_topic("t", TopicConfig::partitions(1)).unwrap();
    produce(
        &log,
        "t",
        &[
            (
                Some("{\"id\":1}"),
                Some("{\"id\":1,\"text\":\"a\",\"n\":5}"),
            ),
            (Some("{\"id\":1}"), None),
            (Some("{}"), None),
            (Some("{\"id\":2}"), Some("{\"id\":2,\"n\":6}")),
        ],
    );
    let drained = check_source(|| {
        let mut request = source_request(&log, "t", &columns, &[]);
        request.primary_key = vec!["id".to_owned()];
        open("topic", request).unwrap()
    });
    assert_eq!(
        drained.rows,
        [
            r#"{"id":1,"text":"a","n":5}"#,
            r#"{"id":1,"text":null,"n":0}"#,
            r#"{"id":2,"text":null,"n":6}"#,
        ]
    );
    assert_eq!(drained.weights, [1, -1, 1]);
    assert_eq!(drained.offsets, [0, 1, 3]);
    assert_eq!(drained.rejects, [(2, "field 'id': missing".to_owned())]);
}

#[test]
fn metadata_and_keys_become_columns() {
    let log = log();
    log.create_topic("t", TopicConfig::partitions(1)).unwrap();
    produce(
        &log,
        "t",
        &[
            (Some("{\"user\":7}"), Some("{\"text\":\"a\"}")),
            (Some("{\"user\":\"x\"}"), Some("{\"text\":\"b\"}")),
            (Some("{\"user\":9}"), Some("{\"text\":\"c\"}")),
        ],
    );
    let columns = schema(&[
        ("k_user", DataType::Int64),
        ("text", DataType::Utf8),
        (
            "at",
            DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into())),
        ),
        ("topic", DataType::Utf8),
        ("partition", DataType::Int32),
        ("offset", DataType::Int64),
        ("raw_key", DataType::Utf8),
    ]);
    let pairs = [
        ("key.fields", "k_user"),
        ("key.fields-prefix", "k_"),
        ("value.fields-include", "EXCEPT_KEY"),
    ];
    let drained = check_source(|| {
        let mut request = source_request(&log, "t", &columns, &pairs);
        let metadata = [
            None,
            None,
            Some("timestamp"),
            Some("topic"),
            Some("partition"),
            Some("offset"),
            Some("key"),
        ];
        request.metadata = metadata.map(|m| m.map(str::to_owned)).to_vec();
        open("topic", request).unwrap()
    });
    assert_eq!(
        drained.rows,
        [
            r#"{"k_user":7,"text":"a","at":"1970-01-01 00:00:01Z","topic":"t","partition":0,"offset":0,"raw_key":"{\"user\":7}"}"#,
            r#"{"k_user":9,"text":"c","at":"1970-01-01 00:00:01Z","topic":"t","partition":0,"offset":2,"raw_key":"{\"user\":9}"}"#,
        ]
    );
    assert_eq!(drained.rejects.len(), 1);
}

#[test]
fn an_append_only_sink_writes_one_record_a_row_and_refuses_retractions() {
    let log = log();
    let request = sink_request(
        &log,
        "out",
        &columns(),
        &[("partitions", "3"), ("key.fields", "id")],
    );
    let mut sink = registry()
        .connector("topic")
        .unwrap()
        .sink(request)
        .unwrap();
    let batch = rows(
        &columns(),
        &[r#"{"id":1,"text":"a"}"#, r#"{"id":2,"text":"b"}"#],
        Some(vec![2, 1]),
    );
    write(&log, &mut *sink, 1, &[batch]);
    let one = partition_of(b"{\"id\":1}", 3);
    let pair = (
        Some("{\"id\":1}".to_owned()),
        Some("{\"id\":1,\"text\":\"a\"}".to_owned()),
    );
    assert_eq!(records(&log, "out", one)[..2], [pair.clone(), pair]);
    let total: usize = (0..3).map(|p| records(&log, "out", p).len()).sum();
    assert_eq!(total, 3);
    let batch = rows(&columns(), &[r#"{"id":1,"text":"a"}"#], Some(vec![-1]));
    let refused = sink.write(2, &[batch], &mut Commit::new());
    assert_error(refused, ErrorKind::Invalid, "only takes new ones");
}

#[test]
fn a_keyed_sink_writes_what_an_epoch_leaves_of_each_key() {
    let log = log();
    let mut request = sink_request(&log, "out", &columns(), &[]);
    request.primary_key = vec!["id".to_owned()];
    let mut sink = registry()
        .connector("topic")
        .unwrap()
        .sink(request)
        .unwrap();
    let lines = [
        r#"{"id":1,"text":"a"}"#,
        r#"{"id":2,"text":"b"}"#,
        r#"{"id":1,"text":"a"}"#,
        r#"{"id":1,"text":"c"}"#,
        r#"{"id":3,"text":"d"}"#,
        r#"{"id":3,"text":"d"}"#,
        r#"{"id":4,"text":"gone"}"#,
    ];
    let batch = rows(&columns(), &lines, Some(vec![1, 1, -1, 1, 1, -1, -1]));
    write(&log, &mut *sink, 1, &[batch]);
    let text = |s: &str| Some(s.to_owned());
    assert_eq!(
        records(&log, "out", 0),
        [
            (text(r#"{"id":1}"#), text(r#"{"id":1,"text":"c"}"#)),
            (text(r#"{"id":2}"#), text(r#"{"id":2,"text":"b"}"#)),
            (text(r#"{"id":4}"#), None),
        ]
    );
    assert!(log.topic("out").unwrap().config.cleanup.compact);
}
