//! Parquet files that other programs wrote.

use std::fs::File;
use std::path::Path;
use std::sync::Arc;

use arrow::array::{ArrayRef, Int32Array, Int64Array, LargeStringArray, RecordBatch, StructArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::ErrorKind;
use headwater_flow::connector::Poll;
use parquet::arrow::ArrowWriter;

use crate::contract::{assert_error, check_source, log, open, source_request};
use crate::support::schema;

fn write(path: &Path, columns: Vec<(&str, ArrayRef)>) {
    let rows = RecordBatch::try_from_iter_with_nullable(
        columns
            .into_iter()
            .map(|(name, column)| (name, column, true)),
    );
    let rows = rows.unwrap();
    let file = File::create(path).unwrap();
    let mut writer = ArrowWriter::try_new(file, rows.schema(), None).unwrap();
    writer.write(&rows).unwrap();
    writer.close().unwrap();
}

fn request(path: &Path, columns: &SchemaRef) -> headwater_flow::connector::SourceRequest {
    let path = path.to_str().unwrap();
    source_request(
        &log(),
        "t",
        columns,
        &[("path", path), ("format", "parquet")],
    )
}

#[test]
fn values_that_a_column_cannot_hold_are_rejected_with_their_rows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let ids: ArrayRef = Arc::new(Int64Array::from(vec![
        Some(1),
        Some(1 << 40),
        None,
        Some(4),
    ]));
    let names: ArrayRef = Arc::new(LargeStringArray::from(vec![
        Some("a"),
        Some("b"),
        Some("c"),
        None,
    ]));
    write(&path, vec![("id", ids), ("name", names)]);
    let columns = Arc::new(Schema::new(vec![
        Field::new("name", DataType::Utf8, false),
        Field::new("id", DataType::Int32, true),
        Field::new("more", DataType::Utf8, true),
    ]));
    let drained = check_source(|| open("filesystem", request(&path, &columns)).unwrap());
    let rows = r#"{"name":"a","id":1,"more":null} {"name":"c","id":null,"more":null}"#;
    assert_eq!(drained.rows.join(" "), rows);
    let rejects = [
        (
            1,
            "field 'id': a value that its type cannot hold".to_owned(),
        ),
        (3, "field 'name': null in a NOT NULL column".to_owned()),
    ];
    assert_eq!(drained.rejects, rejects);

    let mut source = open("filesystem", request(&path, &columns)).unwrap();
    let Poll::Ready(chunk) = source.poll(0, 0, 1 << 20).unwrap() else {
        panic!("there are rows");
    };
    let original = source.decoder().original(&chunk, 1).unwrap().value.unwrap();
    assert_eq!(original, r#"{"id":1099511627776,"name":"b"}"#);
}

#[test]
fn a_row_gives_just_the_fields_that_are_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    let field = |name: &str| Arc::new(Field::new(name, DataType::Int32, true));
    let column = |from: i32| -> ArrayRef { Arc::new(Int32Array::from(vec![from, from + 1])) };
    let row = StructArray::from(vec![
        (field("x"), column(1)),
        (field("y"), column(10)),
        (field("z"), column(100)),
    ]);
    write(&path, vec![("r", Arc::new(row))]);
    let asked = DataType::Struct(
        vec![
            Field::new("z", DataType::Int64, true),
            Field::new("x", DataType::Int32, true),
        ]
        .into(),
    );
    let columns = schema(&[("r", asked)]);
    let drained = check_source(|| open("filesystem", request(&path, &columns)).unwrap());
    let rows = r#"{"r":{"z":100,"x":1}} {"r":{"z":101,"x":2}}"#;
    assert_eq!(drained.rows.join(" "), rows);
}

#[test]
fn a_column_of_another_kind_is_refused_when_the_table_is_opened() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.parquet");
    write(&path, vec![("id", Arc::new(Int64Array::from(vec![1])))]);
    let list = DataType::Map(
        Arc::new(Field::new_struct(
            "entries",
            vec![
                Field::new("keys", DataType::Utf8, false),
                Field::new("values", DataType::Utf8, true),
            ],
            false,
        )),
        false,
    );
    let opened = open("filesystem", request(&path, &schema(&[("id", list)])));
    assert_error(opened, ErrorKind::Invalid, "column 'id' of");
}
