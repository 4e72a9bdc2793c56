//! Envelopes as each of their writers makes them, and those that nobody should.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use headwater_flow::ErrorKind;

use super::{decode, decoder, rejected, request, try_decoder, weighted};
use crate::support::{registry, schema, show};

fn products() -> SchemaRef {
    schema(&[
        ("id", DataType::Int64),
        ("name", DataType::Utf8),
        ("weight", DataType::Decimal128(10, 2)),
    ])
}

fn check(format: &str, is_keyed: bool, record: &str, want: &[(i64, &str)]) {
    let decoded = decode(
        &*decoder(format, &products(), is_keyed, &[]),
        &[Some(record)],
    );
    assert_eq!(rejected(&decoded), [], "{record}");
    let got = weighted(&decoded);
    let got: Vec<(i64, &str)> = got.iter().map(|(w, row)| (*w, row.as_str())).collect();
    assert_eq!(got, want, "{record}");
}

fn check_reject(format: &str, is_keyed: bool, record: &str, why: &str) {
    let decoded = decode(
        &*decoder(format, &products(), is_keyed, &[]),
        &[Some(record)],
    );
    assert_eq!(decoded.rows.num_rows(), 0, "{record}");
    assert_eq!(rejected(&decoded), [(0, why)], "{record}");
}

const A: &str = r#"{"id":1,"name":"a","weight":1.50}"#;
const B: &str = r#"{"id":1,"name":"b","weight":1.50}"#;

#[test]
fn a_change_of_debezium_is_its_old_row_and_its_new_row() {
    let event = |op: &str, before: &str, after: &str| {
        format!(
            r#"{{"before":{before},"after":{after},"source":{{"op":"x","table":"t"}},"op":"{op}","ts_ms":1}}"#
        )
    };
    for op in ["c", "r"] {
        check("debezium-json", false, &event(op, "null", A), &[(1, A)]);
    }
    check(
        "debezium-json",
        false,
        &event("u", A, B),
        &[(-1, A), (1, B)],
    );
    check("debezium-json", true, &event("u", "null", B), &[(1, B)]);
    check("debezium-json", false, &event("d", A, "null"), &[(-1, A)]);
    check("debezium-json", false, &event("m", "null", "null"), &[]);
    check(
        "debezium-json",
        false,
        r#"{"schema":null,"payload":null}"#,
        &[],
    );
    let wrapped = format!(
        r#"{{"payload":{},"schema":{{"fields":[]}}}}"#,
        event("d", A, "null")
    );
    check("debezium-json", false, &wrapped, &[(-1, A)]);
    let wrong = [
        (
            event("u", "null", B),
            "an update without 'before' needs a table with a primary key",
        ),
        (event("d", "null", "null"), "a deletion without 'before'"),
        (event("c", "null", "null"), "a change without 'after'"),
        (
            event("t", "null", "null"),
            "the table was emptied: no event says which rows it had",
        ),
        (
            event("x", "null", A),
            "no event of Debezium: its 'op' is none that is known",
        ),
        (
            A.to_owned(),
            "no event of Debezium: its 'op' is none that is known",
        ),
        (
            event("u", A, r#"{"id":"x"}"#),
            "field 'id': expected a whole number",
        ),
        ("[]".to_owned(), "expected an object"),
    ];
    for (record, why) in wrong {
        check_reject("debezium-json", false, &record, why);
    }
}

#[test]
fn a_change_of_maxwell_has_what_it_changed() {
    let record = |kind: &str, rest: &str| {
        format!(
            r#"{{"database":"shop","table":"products","type":"{kind}","ts":1596684883,"xid":7201,"commit":true,{rest}}}"#
        )
    };
    let data = format!(r#""data":{B}"#);
    check("maxwell-json", false, &record("insert", &data), &[(1, B)]);
    check(
        "maxwell-json",
        false,
        &record("bootstrap-insert", &data),
        &[(1, B)],
    );
    check("maxwell-json", false, &record("delete", &data), &[(-1, B)]);
    let update = record("update", &format!(r#"{data},"old":{{"name":"a"}}"#));
    check("maxwell-json", false, &update, &[(-1, A), (1, B)]);
    // A value that was null, and a key that was another.
    let update = record("update", &format!(r#""old":{{"id":7,"name":null}},{data}"#));
    let old = r#"{"id":7,"name":null,"weight":1.50}"#;
    check("maxwell-json", true, &update, &[(-1, old), (1, B)]);
    check("maxwell-json", true, &record("update", &data), &[(1, B)]);
    for kind in ["bootstrap-start", "bootstrap-complete"] {
        check("maxwell-json", false, &record(kind, r#""data":{}"#), &[]);
    }
    for kind in ["table-alter", "database-create"] {
        check("maxwell-json", false, &record(kind, r#""sql":"…""#), &[]);
    }
    let wrong = [
        (
            record("update", &data),
            "an update without 'old' needs a table with a primary key",
        ),
        (record("insert", r#""x":1"#), "a change without 'data'"),
        (
            record("upsert", &data),
            "no change of Maxwell: its 'type' is none that is known",
        ),
    ];
    for (record, why) in wrong {
        check_reject("maxwell-json", false, &record, why);
    }
}

#[test]
fn a_change_of_canal_is_several_rows_of_text() {
    let record = |kind: &str, rest: &str| {
        format!(
            r#"{{"database":"shop","table":"products","type":"{kind}","isDdl":false,"es":1589373560000,"ts":1589373560798,{rest}}}"#
        )
    };
    let text =
        r#""data":[{"id":"1","name":"b","weight":"1.5"},{"id":"2","name":"c","weight":null}]"#;
    let second = r#"{"id":2,"name":"c","weight":null}"#;
    check(
        "canal-json",
        false,
        &record("INSERT", text),
        &[(1, B), (1, second)],
    );
    check(
        "canal-json",
        false,
        &record("DELETE", text),
        &[(-1, B), (-1, second)],
    );
    let old = r#""old":[{"name":"a"},{"weight":"0.01"}]"#;
    let third = r#"{"id":2,"name":"c","weight":0.01}"#;
    let update = record("UPDATE", &format!("{text},{old}"));
    check(
        "canal-json",
        false,
        &update,
        &[(-1, A), (1, B), (-1, third), (1, second)],
    );
    check(
        "canal-json",
        true,
        &record("UPDATE", text),
        &[(1, B), (1, second)],
    );
    check(
        "canal-json",
        false,
        r#"{"type":"ALTER","isDdl":true,"data":null,"sql":"…"}"#,
        &[],
    );
    let wrong = [
        (
            record("UPDATE", text),
            "an update without 'old' needs a table with a primary key",
        ),
        (
            record("UPDATE", &format!(r#"{text},"old":[null]"#)),
            "'old' has other rows than 'data'",
        ),
        (
            r#"{"type":"TRUNCATE","isDdl":true}"#.to_owned(),
            "the table was emptied: no record says which rows it had",
        ),
        (
            record("QUERY", text),
            "no change of Canal: its 'type' is none that is known",
        ),
        (record("INSERT", r#""data":{}"#), "expected an array"),
    ];
    for (record, why) in wrong {
        check_reject("canal-json", false, &record, why);
    }
}

#[test]
fn a_record_that_is_partly_wrong_leaves_nothing_behind() {
    let good = r#"{"type":"INSERT","data":[{"id":"1"},{"id":"2"}]}"#;
    let bad = r#"{"type":"INSERT","data":[{"id":"3","name":"x"},{"id":"four"}]}"#;
    let decoded = decode(
        &*decoder("canal-json", &products(), false, &[]),
        &[Some(good), Some(bad), None, Some(good)],
    );
    assert_eq!(
        rejected(&decoded),
        [(1, "field 'id': expected a whole number")]
    );
    assert_eq!(decoded.sources.as_deref(), Some(&[0, 0, 3, 3][..]));
    assert_eq!(show(&decoded.rows).len(), 4);
    let lenient = [("canal-json.ignore-parse-errors", "true")];
    let decoded = decode(
        &*decoder("canal-json", &products(), false, &lenient),
        &[Some(bad)],
    );
    assert_eq!(
        weighted(&decoded)[1].1,
        r#"{"id":null,"name":null,"weight":null}"#
    );
}

#[test]
fn only_the_tables_that_are_included_count() {
    let maxwell = r#"{"database":"shop","table":"products_2","type":"insert","data":{"id":1}}"#;
    let canal = r#"{"database":"shop","table":"products_2","type":"INSERT","data":[{"id":"1"}]}"#;
    for (format, record) in [("maxwell-json", maxwell), ("canal-json", canal)] {
        let rows = |database: &str, table: &str| {
            let names = ["database", "table"].map(|part| format!("{format}.{part}.include"));
            let pairs = [(names[0].as_str(), database), (names[1].as_str(), table)];
            let decoded = decode(
                &*decoder(format, &products(), false, &pairs),
                &[Some(record)],
            );
            assert_eq!(rejected(&decoded), []);
            decoded.rows.num_rows()
        };
        assert_eq!(rows("shop", r"products_\d+"), 1);
        assert_eq!(rows("shop", "products"), 0);
        assert_eq!(rows("sho", r"products_\d+"), 0);
        assert_eq!(rows("a|shop", "products.*"), 1);
        let name = format!("{format}.table.include");
        let wrong = request(&products(), false, &[], &[(&name, "(")]);
        let error = try_decoder(format, &wrong).err().unwrap();
        assert_eq!(error.kind(), ErrorKind::Invalid);
    }
}

#[test]
fn metadata_say_where_a_change_comes_from() {
    let map = |value: DataType| {
        let fields = [
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", value, true),
        ];
        let entries = DataType::Struct(fields.into_iter().collect());
        DataType::Map(Arc::new(Field::new("entries", entries, false)), false)
    };
    let time = || DataType::Timestamp(TimeUnit::Millisecond, Some("UTC".into()));
    let read = |format: &str, columns: &[(&str, &str, DataType)], record: &str| {
        let mut fields = vec![Field::new("id", DataType::Int64, true)];
        fields.extend(
            columns
                .iter()
                .map(|(name, _, of)| Field::new(*name, of.clone(), true)),
        );
        let mut metadata = vec![None];
        metadata.extend(columns.iter().map(|(_, key, _)| Some(*key)));
        let request = request(&Arc::new(Schema::new(fields)), true, &metadata, &[]);
        let decoded = decode(&*try_decoder(format, &request).unwrap(), &[Some(record)]);
        assert_eq!(rejected(&decoded), []);
        show(&decoded.rows).remove(0)
    };
    let debezium = read(
        "debezium-json",
        &[
            ("table", "source.table", DataType::Utf8),
            ("at", "source.timestamp", time()),
            ("seen", "ingestion-timestamp", time()),
            ("all", "source.properties", map(DataType::Utf8)),
        ],
        r#"{"before":null,"after":{"id":1,"table":"no"},"source":{"ts_ms":1500,"table":"t","gtid":null},"op":"c","ts_ms":2500}"#,
    );
    assert_eq!(
        debezium,
        r#"{"id":1,"table":"t","at":"1970-01-01 00:00:01.5Z","seen":"1970-01-01 00:00:02.5Z","all":{"ts_ms":"1500","table":"t","gtid":null}}"#
    );
    let maxwell = read(
        "maxwell-json",
        &[
            ("table", "table", DataType::Utf8),
            ("at", "ingestion-timestamp", time()),
            (
                "key",
                "primary-key-columns",
                DataType::List(Arc::new(Field::new_list_field(DataType::Utf8, true))),
            ),
        ],
        r#"{"database":"d","table":"t","type":"insert","ts":2,"primary_key_columns":["id"],"data":{"id":1}}"#,
    );
    assert_eq!(
        maxwell,
        r#"{"id":1,"table":"t","at":"1970-01-01 00:00:02Z","key":["id"]}"#
    );
    let canal = read(
        "canal-json",
        &[
            ("types", "sql-type", map(DataType::Int32)),
            ("db", "database", DataType::Utf8),
        ],
        r#"{"database":"d","type":"INSERT","sqlType":{"id":-5},"data":[{"id":"1"}]}"#,
    );
    assert_eq!(canal, r#"{"id":1,"types":{"id":-5},"db":"d"}"#);
}

#[test]
fn metadata_that_nobody_has_are_refused() {
    let schema = schema(&[("id", DataType::Int64), ("m", DataType::Utf8)]);
    let refuse = |is_keyed: bool, key: &str| {
        let request = request(&schema, is_keyed, &[None, Some(key)], &[]);
        try_decoder("debezium-json", &request)
            .err()
            .unwrap()
            .to_string()
    };
    assert!(refuse(true, "table").contains("has no metadata 'table'"));
    assert!(refuse(true, "source.timestamp").contains("cannot have type"));
    assert!(refuse(false, "source.table").contains("need a table with a primary key"));
}

#[test]
fn columns_are_found_in_the_rows_of_a_sample() {
    let samples = [
        (
            "debezium-json",
            r#"{"before":null,"after":{"id":1,"a":"x"},"op":"c"}"#,
        ),
        (
            "debezium-json",
            r#"{"schema":{},"payload":{"before":{"id":1,"a":"x"},"after":null,"op":"d"}}"#,
        ),
        (
            "maxwell-json",
            r#"{"type":"insert","data":{"id":1,"a":"x"}}"#,
        ),
        (
            "canal-json",
            r#"{"type":"INSERT","data":[{"id":1,"a":"x"}]}"#,
        ),
    ];
    for (format, record) in samples {
        let found = registry()
            .format(format)
            .unwrap()
            .infer(&[record.as_bytes()])
            .unwrap();
        let want = schema(&[("a", DataType::Utf8), ("id", DataType::Int64)]);
        assert_eq!(found, want, "{record}");
    }
}

#[test]
fn records_that_are_cut_or_damaged_are_rejected_not_worse() {
    let record =
        format!(r#"{{"schema":{{"a":[1]}},"payload":{{"before":{A},"after":{B},"op":"u"}}}}"#);
    let decoder = decoder("debezium-json", &products(), false, &[]);
    for end in 0..record.len() {
        let decoded = decode(&*decoder, &[Some(&record[..end])]);
        assert_eq!(
            (decoded.rows.num_rows(), decoded.rejects.len()),
            (0, 1),
            "{end}"
        );
    }
    for place in 0..record.len() {
        for byte in [b'"', b'{', b']', b'0', 0xff] {
            let mut damaged = record.clone().into_bytes();
            damaged[place] = byte;
            let decoded = decode(&*decoder, &[Some(damaged)]);
            assert!(decoded.rows.num_rows() <= 2 && decoded.rejects.len() <= 1);
        }
    }
}
