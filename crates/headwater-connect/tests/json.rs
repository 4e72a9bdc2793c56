//! The JSON format.

use std::sync::Arc;

use arrow::array::AsArray;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, TimeUnit};

use crate::support::{decode, decoder, fields_of, schema, show, timestamp3};

/// Decodes `values` and compares the rows, as JSON, and the rejects.
fn check(
    fields: &[(&str, DataType)],
    pairs: &[(&str, &str)],
    values: &[&str],
    rows: &[&str],
    rejects: &[(u32, &str)],
) {
    let decoded = decode(&*decoder("json", &schema(fields), pairs), values);
    assert_eq!(show(&decoded.rows), rows);
    let got: Vec<(u32, &str)> = decoded
        .rejects
        .iter()
        .map(|r| (r.index, r.reason.as_str()))
        .collect();
    assert_eq!(got, rejects);
    let kept = (0..values.len() as u32).filter(|i| !rejects.iter().any(|(r, _)| r == i));
    let sources = decoded
        .sources
        .unwrap_or_else(|| (0..values.len() as u32).collect());
    assert_eq!(sources, kept.collect::<Vec<_>>());
}

#[test]
fn nested_nexmark_events_decode_with_only_the_fields_that_are_asked_for() {
    let bid = DataType::Struct(fields_of(&[
        ("auction", DataType::Int64),
        ("price", DataType::Int64),
        ("channel", DataType::Utf8),
        ("dateTime", timestamp3()),
    ]));
    check(
        &[("event_type", DataType::Int32), ("bid", bid)],
        &[],
        &[
            r#"{"event_type":2,"person":null,"auction":null,"bid":{"auction":1,"bidder":2,"price":3,"channel":"a\u00e4\ud83d\ude00","url":"http://x/\"y\"","dateTime":"2020-01-01 00:00:00.123","extra":"zzz"}}"#,
            r#"{"event_type":0,"person":{"id":7,"tags":[{"a":"}"}]},"auction":null,"bid":null}"#,
            r#" { "bid" : {"price": -5 , "auction" : 9} , "event_type" : 2 } "#,
            r#"{}"#,
        ],
        &[
            r#"{"event_type":2,"bid":{"auction":1,"price":3,"channel":"aä😀","dateTime":"2020-01-01 00:00:00.123"}}"#,
            r#"{"event_type":0,"bid":null}"#,
            r#"{"event_type":2,"bid":{"auction":9,"price":-5,"channel":null,"dateTime":null}}"#,
            r#"{"event_type":null,"bid":null}"#,
        ],
        &[],
    );
}

#[test]
fn every_type_reads_its_own_text() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    let entries = Field::new_struct(
        "entries",
        vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Float64, true),
        ],
        false,
    );
    check(
        &[
            ("b", DataType::Boolean),
            ("i8", DataType::Int8),
            ("i16", DataType::Int16),
            ("i32", DataType::Int32),
            ("f", DataType::Float32),
            ("d", DataType::Float64),
            ("dec", DataType::Decimal128(38, 10)),
            ("date", DataType::Date32),
            ("t", DataType::Time64(TimeUnit::Microsecond)),
            (
                "ltz",
                DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
            ),
            ("s", DataType::Utf8),
            ("bytes", DataType::Binary),
            ("l", list),
            ("m", DataType::Map(Arc::new(entries), false)),
        ],
        &[],
        &[
            r#"{"b":true,"i8":-128,"i16":32767,"i32":1.0,"f":0.1,"d":1e300,"dec":1234567890123456789012345678.0123456789,"date":"2020-02-29","t":"23:59:59.5","ltz":"2020-01-01T02:00:00.000001+02:00","s":12.50,"bytes":"aGk=","l":[1,null,3],"m":{"a":1.5,"b":null}}"#,
            r#"{"b":"false","i8":"7","i16":null,"s":{"a": [1]},"l":[],"m":{},"d":"-2.5","dec":"1.5"}"#,
        ],
        &[
            r#"{"b":true,"i8":-128,"i16":32767,"i32":1,"f":0.1,"d":1e300,"dec":1234567890123456789012345678.0123456789,"date":"2020-02-29","t":"23:59:59.5","ltz":"2020-01-01 00:00:00.000001Z","s":"12.50","bytes":"aGk=","l":[1,null,3],"m":{"a":1.5,"b":null}}"#,
            r#"{"b":false,"i8":7,"i16":null,"i32":null,"f":null,"d":-2.5,"dec":1.5000000000,"date":null,"t":null,"ltz":null,"s":"{\"a\": [1]}","bytes":null,"l":[],"m":{}}"#,
        ],
        &[],
    );
}

#[test]
fn bad_records_are_rejected_with_a_reason_and_leave_no_trace() {
    let inner = DataType::Struct(fields_of(&[("x", DataType::Int64), ("y", DataType::Utf8)]));
    check(
        &[("a", DataType::Utf8), ("n", inner)],
        &[],
        &[
            r#"{"a":"1","n":{"x":1,"y":"p"}}"#,
            r#"{"a":"2","n":{"x":"no","y":"q"}}"#,
            r#"{"a":"3","n":{"y":"q","x":1}"#,
            r#"{"a":"4"} x"#,
            r#"{"a":"5",}"#,
            r#"[1]"#,
            r#""#,
            r#"{"a":"6","n":{"x":99999999999999999999}}"#,
            r#"{"a":"7","n":{"x":2,"y":"r"}}"#,
        ],
        &[
            r#"{"a":"1","n":{"x":1,"y":"p"}}"#,
            r#"{"a":"7","n":{"x":2,"y":"r"}}"#,
        ],
        &[
            (1, "field 'n.x': expected a whole number"),
            (2, "the record ends too early"),
            (3, "something follows the object"),
            (4, "expected a key"),
            (5, "expected an object"),
            (6, "expected an object"),
            (7, "field 'n.x': number out of range"),
        ],
    );
}

#[test]
fn lenient_reading_makes_only_the_field_null() {
    check(
        &[
            ("a", DataType::Int64),
            ("b", DataType::Utf8),
            ("t", timestamp3()),
        ],
        &[("json.ignore-parse-errors", "true")],
        &[
            r#"{"a":"x","b":"y","t":12}"#,
            r#"{"a":1"#,
            r#"{"a":[1],"b":{"q":1}}"#,
        ],
        &[
            r#"{"a":null,"b":"y","t":null}"#,
            r#"{"a":null,"b":"{\"q\":1}","t":null}"#,
        ],
        &[(1, "the record ends too early")],
    );
}

#[test]
fn of_duplicate_keys_the_last_wins() {
    let inner = DataType::Struct(fields_of(&[("x", DataType::Int64), ("y", DataType::Int64)]));
    check(
        &[("a", DataType::Int64), ("s", DataType::Utf8), ("n", inner)],
        &[],
        &[r#"{"a":1,"s":"p","n":{"x":1,"y":2},"a":null,"n":{"x":3},"s":"q","a":4}"#],
        &[r#"{"a":4,"s":"q","n":{"x":3,"y":null}}"#],
        &[],
    );
}

#[test]
fn missing_columns_are_rejected_where_they_must_be_there() {
    let strict = Arc::new(Schema::new(vec![
        Field::new("a", DataType::Int64, false),
        Field::new("b", DataType::Int64, true),
    ]));
    let decoded = decode(
        &*decoder("json", &strict, &[]),
        &[r#"{"b":1}"#, r#"{"a":null}"#, r#"{"a":1}"#],
    );
    assert_eq!(
        decoded.rows.column(0).as_primitive::<Int64Type>().values(),
        &[1]
    );
    let reasons: Vec<&str> = decoded.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(
        reasons,
        ["field 'a': missing", "field 'a': null in a NOT NULL column"]
    );
    check(
        &[("a", DataType::Int64)],
        &[("json.fail-on-missing-field", "true")],
        &[r#"{"b":1}"#, r#"{"a":null}"#],
        &[r#"{"a":null}"#],
        &[(0, "field 'a': missing")],
    );
}

#[test]
fn bytes_that_are_not_utf8_reject_their_record_alone() {
    let decoder = decoder("json", &schema(&[("a", DataType::Utf8)]), &[]);
    let bad = b"{\"a\":\"\xff\"}".as_slice();
    let split = b"{\"a\":\"\xc3\"}".as_slice();
    let good = "{\"a\":\"ä\"}".as_bytes();
    let decoded = decoder
        .decode(&[Some(good), Some(bad), Some(split), Some(good), None])
        .unwrap();
    assert_eq!(show(&decoded.rows), [r#"{"a":"ä"}"#, r#"{"a":"ä"}"#]);
    assert_eq!(decoded.rejects.len(), 3);
}

#[test]
fn spaces_may_differ_from_record_to_record() {
    check(
        &[("a", DataType::Int64), ("b", DataType::Int64)],
        &[],
        &[
            "{\"x\":1,\"a\":1,\"b\":2}",
            "{\"x\": 1,\"a\":  1,\"b\":\t2}",
            "{ \"x\":1 ,\"a\" :1, \"b\": 2 }",
            "{\"x\":1,\"a\":1,\"b\":2}",
        ],
        &[r#"{"a":1,"b":2}"#; 4],
        &[],
    );
}

#[test]
fn of_duplicate_keys_of_a_map_the_last_wins() {
    let entries = Field::new_struct(
        "entries",
        vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Int64, true),
        ],
        false,
    );
    let many: String = (0..20).map(|i| format!("\"k{i}\":{i},")).collect();
    let shown: String = (1..20).map(|i| format!("\"k{i}\":{i},")).collect();
    check(
        &[("m", DataType::Map(Arc::new(entries), false))],
        &[],
        &[
            r#"{"m":{"a":1,"b":2,"\u0061":3,"c":null}}"#,
            &format!(r#"{{"m":{{{many}"k0":99}}}}"#),
        ],
        &[
            r#"{"m":{"b":2,"a":3,"c":null}}"#,
            &format!(r#"{{"m":{{{shown}"k0":99}}}}"#),
        ],
        &[],
    );
}
