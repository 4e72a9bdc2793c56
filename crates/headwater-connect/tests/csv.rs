//! The CSV and raw formats.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, SchemaRef};
use headwater_connect::CsvFormat;
use headwater_flow::ZBatch;
use headwater_flow::connector::{Format, FormatRequest};

use crate::support::{decode, decoder, encoder, fields_of, options, schema, show, timestamp3};

/// Splits `text` as a file, decodes it, and compares rows and rejects.
fn check(
    fields: &[(&str, DataType)],
    pairs: &[(&str, &str)],
    text: &str,
    rows: &[&str],
    rejects: &[&str],
) {
    let decoder = decoder("csv", &schema(fields), pairs);
    let records = decoder.split(text.as_bytes(), true);
    let values: Vec<Option<&[u8]>> = records
        .iter()
        .map(|r| Some(&text.as_bytes()[r.clone()]))
        .collect();
    let decoded = decoder.decode(&values).unwrap();
    assert_eq!(show(&decoded.rows), rows);
    let got: Vec<&str> = decoded.rejects.iter().map(|r| r.reason.as_str()).collect();
    assert_eq!(got, rejects);
}

fn two() -> [(&'static str, DataType); 2] {
    [("a", DataType::Int64), ("b", DataType::Utf8)]
}

#[test]
fn quotes_keep_delimiters_quotes_and_line_ends() {
    check(
        &two(),
        &[],
        "1,plain\n2,\"a,\"\"b\"\"\nc\"\r\n\n3,\n,\"\"\n4,x\"y",
        &[
            r#"{"a":1,"b":"plain"}"#,
            r#"{"a":2,"b":"a,\"b\"\nc"}"#,
            r#"{"a":3,"b":""}"#,
            r#"{"a":null,"b":""}"#,
            r#"{"a":4,"b":"x\"y"}"#,
        ],
        &[],
    );
}

#[test]
fn bad_records_are_rejected_alone() {
    check(
        &two(),
        &[],
        "x,1\n1\n1,2,3\n1,\"a\"b\n2,ok\n3,\"open",
        &[r#"{"a":2,"b":"ok"}"#],
        &[
            "field 'a': expected a whole number",
            "expected 2 fields, found 1",
            "expected 2 fields, found 3",
            "something follows closing quotes",
            "quotes are not closed",
        ],
    );
    check(
        &two(),
        &[("csv.ignore-parse-errors", "true")],
        "x,1\n1\n1,2,3\n",
        &[
            r#"{"a":null,"b":"1"}"#,
            r#"{"a":1,"b":null}"#,
            r#"{"a":1,"b":"2"}"#,
        ],
        &[],
    );
}

#[test]
fn the_dialect_is_what_the_options_say() {
    check(
        &two(),
        &[
            ("csv.field-delimiter", "\\t"),
            ("csv.quote-character", "'"),
            ("csv.allow-comments", "true"),
            ("csv.null-literal", "n/a"),
            ("csv.header", "true"),
            ("csv.escape-character", "\\"),
        ],
        "# it's\na\tb\n1\t'x\ty'\n#2\tno\nn/a\tn/a\n3\t'n/a'\n4\ta\\\tb\n",
        &[
            r#"{"a":1,"b":"x\ty"}"#,
            r#"{"a":null,"b":null}"#,
            r#"{"a":3,"b":"n/a"}"#,
            r#"{"a":4,"b":"a\tb"}"#,
        ],
        &[],
    );
    check(
        &two(),
        &[("csv.disable-quote-character", "true")],
        "1,\"x\n",
        &[r#"{"a":1,"b":"\"x"}"#],
        &[],
    );
}

#[test]
fn only_the_columns_that_are_asked_for_are_decoded() {
    let request = FormatRequest {
        schema: schema(&[("c", DataType::Int64), ("a", DataType::Int64)]),
        metadata: Vec::new(),
        is_keyed: false,
        declared: schema(&[
            ("a", DataType::Int64),
            ("b", DataType::Int64),
            ("c", DataType::Int64),
        ]),
        options: options(&[]),
    };
    let decoder = CsvFormat.decoder(&request).unwrap();
    let decoded = decode(&*decoder, &["1,no number,3"]);
    assert_eq!(show(&decoded.rows), [r#"{"c":3,"a":1}"#]);
}

#[test]
fn what_is_written_reads_back() {
    let list = DataType::List(Arc::new(Field::new_list_field(DataType::Int32, true)));
    let columns: SchemaRef = schema(&[
        ("a", DataType::Int64),
        ("b", DataType::Utf8),
        ("c", DataType::Decimal128(20, 3)),
        ("d", timestamp3()),
        ("e", DataType::Boolean),
        ("f", DataType::Float64),
        ("g", list),
        (
            "h",
            DataType::Struct(fields_of(&[("x", DataType::Int32), ("y", DataType::Utf8)])),
        ),
        ("i", DataType::Binary),
    ]);
    let lines = [
        r##"{"a":1,"b":"x,\"y\"\n#","c":1.250,"d":"2020-01-01 00:00:00.5","e":true,"f":0.1,"g":[1,2],"h":{"x":1,"y":"z"},"i":"aGk="}"##,
        r##"{"a":null,"b":"#","c":null,"d":null,"e":null,"f":null,"g":null,"h":null,"i":null}"##,
        r##"{"a":-1,"b":"","c":0.001,"d":"1969-12-31 23:59:59.999","e":false,"f":1e300,"g":[],"h":{"x":null,"y":""},"i":""}"##,
    ];
    let rows = decode(&*decoder("json", &columns, &[]), &lines).rows;
    let pairs = [("csv.allow-comments", "true"), ("csv.null-literal", "null")];
    let (mut out, mut ends) = (Vec::new(), Vec::new());
    let batch = ZBatch::append_only(rows.clone());
    encoder("csv", &columns, &pairs)
        .encode(&batch, &mut out, &mut ends)
        .unwrap();
    let text = String::from_utf8(out).unwrap();
    let starts = std::iter::once(0).chain(ends.iter().copied());
    let file: String = starts
        .zip(&ends)
        .map(|(s, e)| format!("{}\n", &text[s..*e]))
        .collect();
    let decoder = decoder("csv", &columns, &pairs);
    assert_eq!(decoder.frame(file.as_bytes()), file.len());
    let records = decoder.split(file.as_bytes(), true);
    let values: Vec<&str> = records.into_iter().map(|r| &file[r]).collect();
    let decoded = decode(&*decoder, &values);
    assert_eq!(decoded.rejects, []);
    assert_eq!(show(&decoded.rows), show(&rows));
}

#[test]
fn maps_have_no_csv() {
    let entries = Field::new_struct(
        "entries",
        vec![
            Field::new("keys", DataType::Utf8, false),
            Field::new("values", DataType::Utf8, true),
        ],
        false,
    );
    let columns = schema(&[("m", DataType::Map(Arc::new(entries), false))]);
    let request = FormatRequest {
        schema: Arc::clone(&columns),
        metadata: Vec::new(),
        is_keyed: false,
        declared: columns,
        options: options(&[]),
    };
    assert!(CsvFormat.decoder(&request).is_err());
}

#[test]
fn raw_values_are_one_column() {
    let columns = schema(&[("v", DataType::Utf8)]);
    let decoder = decoder("raw", &columns, &[]);
    let decoded = decoder
        .decode(&[Some(b"a,\"b"), None, Some(b"\xff"), Some(b"")])
        .unwrap();
    assert_eq!(
        show(&decoded.rows),
        [r#"{"v":"a,\"b"}"#, r#"{"v":null}"#, r#"{"v":""}"#]
    );
    assert_eq!(decoded.rejects.len(), 1);
    assert_eq!(decoded.sources, Some(vec![0, 1, 3]));
}
