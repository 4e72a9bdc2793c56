//! JSON and CSV against slow references, with random schemas and values.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{DataType, Field, Float64Type, Int64Type, SchemaRef};
use headwater_flow::ZBatch;
use headwater_flow::connector::ValueDecoder;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Map, Value, json};

use crate::support::{decoder, encoder, schema, show};

pub(crate) fn seed() -> u64 {
    let seed = match std::env::var("HEADWATER_SEED") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => rand::random(),
    };
    eprintln!("HEADWATER_SEED={seed}");
    seed
}

fn random_type(rng: &mut StdRng, depth: usize) -> DataType {
    match rng.random_range(0..if depth == 0 { 5 } else { 8 }) {
        0 | 1 => DataType::Int64,
        2 => DataType::Utf8,
        3 => DataType::Boolean,
        4 => DataType::Float64,
        5 => DataType::List(Arc::new(Field::new_list_field(
            random_type(rng, depth - 1),
            true,
        ))),
        _ => DataType::Struct(random_fields(rng, depth - 1).into()),
    }
}

fn random_fields(rng: &mut StdRng, depth: usize) -> Vec<Field> {
    let count = rng.random_range(1..6);
    (0..count)
        .map(|i| Field::new(format!("f{i}"), random_type(rng, depth), true))
        .collect()
}

fn random_text(rng: &mut StdRng) -> String {
    let length = rng.random_range(0..24);
    let character = |rng: &mut StdRng| match rng.random_range(0..8) {
        0 => [
            '"', '\\', '/', '\n', '\t', '\u{1}', '{', '}', ',', ';', '#', '\r',
        ][rng.random_range(0..12)],
        1 => ['ä', '€', '😀', '\u{7f}', '\u{2028}'][rng.random_range(0..5)],
        _ => char::from(rng.random_range(b'a'..=b'z')),
    };
    (0..length).map(|_| character(rng)).collect()
}

/// A value of the type, or null.
fn random_value(rng: &mut StdRng, data_type: &DataType) -> Value {
    if rng.random_range(0..6) == 0 {
        return Value::Null;
    }
    match data_type {
        DataType::Int64 => match rng.random_range(0..3) {
            0 => json!(rng.random::<i64>()),
            _ => json!(rng.random_range(-1_000..1_000)),
        },
        DataType::Utf8 => json!(random_text(rng)),
        DataType::Boolean => json!(rng.random::<bool>()),
        DataType::Float64 => match rng.random_range(0..3) {
            0 => json!(f64::from_bits(rng.random::<u64>() & !(1 << 62))),
            _ => json!(f64::from(rng.random_range(-10_000..10_000)) / 8.0),
        },
        DataType::List(item) => {
            let count = rng.random_range(0..4);
            (0..count)
                .map(|_| random_value(rng, item.data_type()))
                .collect()
        }
        DataType::Struct(fields) => random_object(rng, fields.iter().map(AsRef::as_ref)),
        other => panic!("no values of {other}"),
    }
}

fn random_object<'a>(rng: &mut StdRng, fields: impl Iterator<Item = &'a Field>) -> Value {
    let mut object = Map::new();
    for field in fields {
        if rng.random_range(0..8) > 0 {
            object.insert(field.name().clone(), random_value(rng, field.data_type()));
        }
        if rng.random_range(0..8) == 0 {
            let extra = [
                json!({"a": [1, {"b": "}\\\""}]}),
                json!("x\"]"),
                json!(-1.5e-3),
                json!([[]]),
            ];
            object.insert(
                format!("x{}", rng.random_range(0..3)),
                extra[rng.random_range(0..4)].clone(),
            );
        }
    }
    Value::Object(object)
}

/// What `column` has at `row`, with nulls for fields that were missing.
fn actual(column: &ArrayRef, row: usize) -> Value {
    if column.is_null(row) {
        return Value::Null;
    }
    match column.data_type() {
        DataType::Int64 => json!(column.as_primitive::<Int64Type>().value(row)),
        DataType::Utf8 => json!(column.as_string::<i32>().value(row)),
        DataType::Boolean => json!(column.as_boolean().value(row)),
        DataType::Float64 => json!(column.as_primitive::<Float64Type>().value(row)),
        DataType::List(_) => {
            let items = column.as_list::<i32>().value(row);
            (0..items.len()).map(|i| actual(&items, i)).collect()
        }
        DataType::Struct(fields) => {
            let columns = fields.iter().zip(column.as_struct().columns());
            Value::Object(
                columns
                    .map(|(f, c)| (f.name().clone(), actual(c, row)))
                    .collect(),
            )
        }
        other => panic!("no values of {other}"),
    }
}

/// `value` as a column of `data_type` must show it: unknown fields gone, missing ones null.
fn expected(value: &Value, data_type: &DataType) -> Value {
    match (value, data_type) {
        (Value::Object(object), DataType::Struct(fields)) => {
            let field = |f: &Arc<Field>| {
                let inside = object.get(f.name()).unwrap_or(&Value::Null);
                (f.name().clone(), expected(inside, f.data_type()))
            };
            Value::Object(fields.iter().map(field).collect())
        }
        (Value::Array(items), DataType::List(item)) => items
            .iter()
            .map(|v| expected(v, item.data_type()))
            .collect(),
        (other, _) => other.clone(),
    }
}

/// JSON with white space where JSON allows it.
fn spaced(value: &Value, rng: &mut StdRng) -> String {
    match rng.random_range(0..3) {
        0 => serde_json::to_string_pretty(value)
            .unwrap()
            .replace('\n', " "),
        _ => serde_json::to_string(value).unwrap(),
    }
}

#[test]
fn json_decodes_like_a_generic_parser() {
    let mut rng = StdRng::seed_from_u64(seed());
    for _ in 0..60 {
        let fields = random_fields(&mut rng, 3);
        let columns: SchemaRef = Arc::new(arrow::datatypes::Schema::new(fields.clone()));
        let values: Vec<Value> = (0..40)
            .map(|_| random_object(&mut rng, fields.iter()))
            .collect();
        let texts: Vec<String> = values.iter().map(|v| spaced(v, &mut rng)).collect();
        let bytes: Vec<Option<&[u8]>> = texts.iter().map(|t| Some(t.as_bytes())).collect();
        let decoded = decoder("json", &columns, &[]).decode(&bytes).unwrap();
        assert_eq!(decoded.rejects, []);
        let whole = DataType::Struct(columns.fields().clone());
        let rows: ArrayRef = Arc::new(arrow::array::StructArray::from(decoded.rows.clone()));
        for (row, value) in values.iter().enumerate() {
            assert_eq!(
                actual(&rows, row),
                expected(value, &whole),
                "{}",
                texts[row]
            );
        }
        let written = show(&decoded.rows);
        assert!(
            written
                .iter()
                .all(|t| serde_json::from_str::<Value>(t).is_ok())
        );
        let bytes: Vec<Option<&[u8]>> = written.iter().map(|t| Some(t.as_bytes())).collect();
        let again = decoder("json", &columns, &[]).decode(&bytes).unwrap();
        assert_eq!(again.rows, decoded.rows, "what is written reads back");
    }
}

#[test]
fn json_floats_are_read_to_the_last_bit() {
    let mut rng = StdRng::seed_from_u64(seed());
    let columns = schema(&[("f", DataType::Float64)]);
    let decoder = decoder("json", &columns, &[]);
    for _ in 0..2_000 {
        let float = f64::from_bits(rng.random());
        if !float.is_finite() {
            continue;
        }
        let text = format!("{{\"f\":{float:?}}}");
        let decoded = decoder.decode(&[Some(text.as_bytes())]).unwrap();
        let read = decoded
            .rows
            .column(0)
            .as_primitive::<Float64Type>()
            .value(0);
        assert_eq!(read.to_bits(), float.to_bits(), "{text}");
    }
}

#[test]
fn csv_reads_back_whatever_text_was_written() {
    let mut rng = StdRng::seed_from_u64(seed());
    let columns = schema(&[
        ("a", DataType::Utf8),
        ("b", DataType::Int64),
        ("c", DataType::Utf8),
    ]);
    let dialects: [&[(&str, &str)]; 3] = [
        &[],
        &[("csv.escape-character", "\\"), ("csv.null-literal", "null")],
        &[
            ("csv.field-delimiter", ";"),
            ("csv.quote-character", "'"),
            ("csv.allow-comments", "true"),
        ],
    ];
    for round in 0..60 {
        let pairs = dialects[round % 3];
        let row = |rng: &mut StdRng| json!({"a": random_text(rng), "b": rng.random_range(0..9), "c": random_text(rng)});
        let texts: Vec<String> = (0..30).map(|_| row(&mut rng).to_string()).collect();
        let values: Vec<Option<&[u8]>> = texts.iter().map(|t| Some(t.as_bytes())).collect();
        let rows = decoder("json", &columns, &[]).decode(&values).unwrap().rows;
        let (mut out, mut ends) = (Vec::new(), Vec::new());
        let batch = ZBatch::append_only(rows.clone());
        encoder("csv", &columns, pairs)
            .encode(&batch, &mut out, &mut ends)
            .unwrap();
        let mut file = Vec::new();
        let mut start = 0;
        for end in ends {
            file.extend_from_slice(&out[start..end]);
            file.push(b'\n');
            start = end;
        }
        let decoder = decoder("csv", &columns, pairs);
        assert_eq!(show_file(&*decoder, &file, file.len()), show(&rows));
        // However the file is cut, the records are the same.
        let cut = rng.random_range(1..file.len());
        assert_eq!(show_file(&*decoder, &file, cut), show(&rows));
    }
}

/// Decodes a file of which `cut` bytes are there first.
fn show_file(decoder: &dyn ValueDecoder, file: &[u8], cut: usize) -> Vec<String> {
    let framed = decoder.frame(&file[..cut]);
    let mut rows = Vec::new();
    for (part, first) in [(&file[..framed], true), (&file[framed..], false)] {
        let records = decoder.split(part, first);
        let values: Vec<Option<&[u8]>> = records.into_iter().map(|r| Some(&part[r])).collect();
        let decoded = decoder.decode(&values).unwrap();
        assert_eq!(decoded.rejects, []);
        rows.extend(show(&decoded.rows));
    }
    rows
}
