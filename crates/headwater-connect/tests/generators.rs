//! The `datagen` and `nexmark` connectors.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, TimeUnit};
use headwater_connect::{nexmark_schema, write_nexmark_json};
use headwater_flow::ErrorKind;
use headwater_flow::connector::Poll;
use headwater_log::{ManualClock, Timestamp};

use crate::contract::{End, assert_error, check_source, drain, log, open, source_request};
use crate::support::{decode, decoder, fields_of, schema, show, timestamp3};

#[test]
fn nexmark_events_are_the_same_as_rows_and_as_a_file() {
    let pairs = [("events.num", "2000"), ("next-event.rate", "10000")];
    let mut fast = pairs;
    fast[1].1 = "0";
    let drained = check_source(|| {
        open(
            "nexmark",
            source_request(&log(), "t", &nexmark_schema(), &fast),
        )
        .unwrap()
    });
    assert_eq!((drained.rows.len(), drained.end), (2_000, End::Ended));
    let mut text = Vec::new();
    write_nexmark_json(&mut text, 2_000).unwrap();
    let text = String::from_utf8(text).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let decoded = decode(&*decoder("json", &nexmark_schema(), &[]), &lines);
    assert_eq!(decoded.rejects, []);
    assert_eq!(show(&decoded.rows), drained.rows);
    assert!(lines[0].starts_with(r#"{"event_type":0,"person":{"id":1000,"#));
    assert!(
        lines[4].starts_with(r#"{"event_type":2,"person":null,"auction":null,"bid":{"auction":"#)
    );
    assert!(lines[4].contains(r#""dateTime":"2020-01-01 00:00:00","#));
}

#[test]
fn nexmark_columns_are_those_of_the_suite() {
    let wrong = schema(&[(
        "bid",
        DataType::Struct(fields_of(&[("amount", DataType::Int64)])),
    )]);
    assert_error(
        open("nexmark", source_request(&log(), "t", &wrong, &[])),
        ErrorKind::Invalid,
        "'bid'",
    );
}

#[test]
fn rows_come_no_faster_than_they_should() {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let columns = schema(&[("a", DataType::Int64)]);
    let mut request = source_request(&log(), "t", &columns, &[("rows-per-second", "100")]);
    request.clock = Arc::clone(&clock) as _;
    let mut source = open("datagen", request).unwrap();
    assert!(matches!(
        source.poll(0, 0, 1 << 20).unwrap(),
        Poll::Pending {
            retry_after: Some(_)
        }
    ));
    clock.advance(1_000);
    let drained = drain(&mut *source, 0, 0, 1 << 20);
    assert_eq!((drained.rows.len(), drained.end), (100, End::Pending));
}

#[test]
fn datagen_makes_every_type_within_its_bounds() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int16, true)));
    let columns = schema(&[
        ("id", DataType::Int64),
        ("n", DataType::Int32),
        ("f", DataType::Float64),
        ("s", DataType::Utf8),
        ("b", DataType::Boolean),
        ("d", DataType::Decimal128(10, 2)),
        ("t", timestamp3()),
        ("date", DataType::Date32),
        ("time", DataType::Time32(TimeUnit::Millisecond)),
        (
            "row",
            DataType::Struct(fields_of(&[("x", DataType::Int8), ("y", DataType::Utf8)])),
        ),
        ("list", list),
        ("bytes", DataType::Binary),
    ]);
    let pairs = [
        ("rows-per-second", "0"),
        ("fields.id.kind", "sequence"),
        ("fields.id.start", "10"),
        ("fields.id.end", "509"),
        ("fields.n.min", "3"),
        ("fields.n.max", "5"),
        ("fields.s.length", "4"),
        ("fields.t.max-past", "1s"),
        ("fields.row.y.null-rate", "1"),
        ("fields.list.length", "2"),
        ("fields.b.null-rate", "0.5"),
    ];
    let drained =
        check_source(|| open("datagen", source_request(&log(), "t", &columns, &pairs)).unwrap());
    assert_eq!((drained.rows.len(), drained.end), (500, End::Ended));
    for (i, row) in drained.rows.iter().enumerate() {
        let row: serde_json::Value = serde_json::from_str(row).unwrap();
        assert_eq!(row["id"], 10 + i as i64);
        assert!((3..=5).contains(&row["n"].as_i64().unwrap()));
        assert_eq!(row["s"].as_str().unwrap().len(), 4);
        assert_eq!(row["list"].as_array().unwrap().len(), 2);
        assert!(row["row"]["y"].is_null());
        assert!(row["t"].as_str().unwrap() < "2020-01-01 00:00:01");
    }
    let nulls = drained
        .rows
        .iter()
        .filter(|r| r.contains("\"b\":null"))
        .count();
    assert!((150..350).contains(&nulls));
    let pruned = schema(&[("n", DataType::Int32)]);
    let mut request = source_request(&log(), "t", &columns, &pairs);
    request.schema = pruned;
    request.metadata = vec![None];
    let mut source = open("datagen", request).unwrap();
    let narrow = drain(&mut *source, 0, 0, 1 << 20).rows;
    assert_eq!(narrow.len(), 500);
    for (narrow, wide) in narrow.iter().zip(&drained.rows) {
        assert!(
            wide.contains(&narrow[1..narrow.len() - 1]),
            "pruning changes no value"
        );
    }
}

#[test]
fn datagen_refuses_what_no_column_has() {
    let columns = schema(&[("a", DataType::Int8)]);
    let with =
        |pairs: &[(&str, &str)]| open("datagen", source_request(&log(), "t", &columns, pairs));
    assert_error(
        with(&[("fields.b.min", "1")]),
        ErrorKind::Invalid,
        "fields.b.min",
    );
    assert_error(with(&[("fields.a.min", "500")]), ErrorKind::Invalid, "'a'");
    assert_error(with(&[("fields.a.kind", "odd")]), ErrorKind::Invalid, "odd");
    let sequence = [
        ("fields.a.kind", "sequence"),
        ("fields.a.start", "0"),
        ("fields.a.end", "300"),
    ];
    assert_error(with(&sequence), ErrorKind::Invalid, "does not fit");
}
