//! The columns of a topic without DDL, from some of its records.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::{Error, ErrorKind, Result};
use serde_json::Value;

/// The columns of `sample`, in the order in which they appear.
///
/// # Errors
/// `Invalid` if no value is a JSON object.
pub(super) fn schema(sample: &[&[u8]]) -> Result<SchemaRef> {
    let mut fields: Vec<(String, DataType)> = Vec::new();
    let mut objects = 0;
    for bytes in sample {
        if let Ok(Value::Object(object)) = serde_json::from_slice(bytes) {
            objects += 1;
            merge_fields(&mut fields, &object);
        }
    }
    if objects == 0 {
        return Err(Error::new(
            ErrorKind::Invalid,
            "the records are not JSON objects",
        ));
    }
    Ok(Arc::new(Schema::new(to_fields(fields))))
}

fn merge_fields(fields: &mut Vec<(String, DataType)>, object: &serde_json::Map<String, Value>) {
    for (name, value) in object {
        let found = type_of(value);
        match fields.iter_mut().find(|(n, _)| n == name) {
            Some((_, known)) => *known = merge(known.clone(), found),
            None => fields.push((name.clone(), found)),
        }
    }
}

fn to_fields(fields: Vec<(String, DataType)>) -> Vec<Field> {
    let known = |data_type| match data_type {
        DataType::Null => DataType::Utf8,
        other => other,
    };
    fields
        .into_iter()
        .map(|(name, data_type)| Field::new(name, known(data_type), true))
        .collect()
}

fn type_of(value: &Value) -> DataType {
    match value {
        Value::Null => DataType::Null,
        Value::Bool(_) => DataType::Boolean,
        Value::Number(n) if n.is_i64() => DataType::Int64,
        Value::Number(_) => DataType::Float64,
        Value::String(_) => DataType::Utf8,
        Value::Array(items) => {
            let item = items.iter().map(type_of).fold(DataType::Null, merge);
            let item = if item == DataType::Null {
                DataType::Utf8
            } else {
                item
            };
            DataType::List(Arc::new(Field::new_list_field(item, true)))
        }
        Value::Object(object) => {
            let mut fields = Vec::new();
            merge_fields(&mut fields, object);
            DataType::Struct(to_fields(fields).into())
        }
    }
}

/// The type that holds both; text, when there is no other.
fn merge(a: DataType, b: DataType) -> DataType {
    match (a, b) {
        (a, b) if a == b => a,
        (DataType::Null, other) | (other, DataType::Null) => other,
        (DataType::Int64, DataType::Float64) | (DataType::Float64, DataType::Int64) => {
            DataType::Float64
        }
        (DataType::Struct(a), DataType::Struct(b)) => {
            let mut fields: Vec<(String, DataType)> = a
                .iter()
                .map(|f| (f.name().clone(), f.data_type().clone()))
                .collect();
            for field in &b {
                let found = field.data_type().clone();
                match fields.iter_mut().find(|(n, _)| n == field.name()) {
                    Some((_, known)) => *known = merge(known.clone(), found),
                    None => fields.push((field.name().clone(), found)),
                }
            }
            DataType::Struct(to_fields(fields).into())
        }
        (DataType::List(a), DataType::List(b)) => {
            let item = merge(a.data_type().clone(), b.data_type().clone());
            DataType::List(Arc::new(Field::new_list_field(item, true)))
        }
        _ => DataType::Utf8,
    }
}
