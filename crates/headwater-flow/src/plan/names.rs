//! Names in canonical form: those of types, and of columns and tables.

use arrow::datatypes::{DataType, TimeUnit};

/// A name in canonical form: quoted unless it is plain.
pub fn quote(name: &str) -> String {
    let plain = name.chars().enumerate().all(|(i, c)| {
        c == '_'
            || c.is_ascii_lowercase()
            || (i > 0 && (c.is_ascii_digit() || c.is_ascii_uppercase()))
    });
    if plain && !name.is_empty() {
        name.to_owned()
    } else {
        format!("`{name}`")
    }
}

/// The canonical name of a type.
pub fn type_name(data_type: &DataType) -> String {
    match data_type {
        DataType::Boolean => "BOOLEAN".to_owned(),
        DataType::Int8 => "TINYINT".to_owned(),
        DataType::Int16 => "SMALLINT".to_owned(),
        DataType::Int32 => "INT".to_owned(),
        DataType::Int64 => "BIGINT".to_owned(),
        DataType::Float32 => "FLOAT".to_owned(),
        DataType::Float64 => "DOUBLE".to_owned(),
        DataType::Decimal128(p, s) => format!("DECIMAL({p}, {s})"),
        DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View => "STRING".to_owned(),
        DataType::Binary | DataType::LargeBinary | DataType::BinaryView => "BYTES".to_owned(),
        DataType::Date32 => "DATE".to_owned(),
        DataType::Time32(_) => "TIME".to_owned(),
        DataType::Time64(_) => "TIME(6)".to_owned(),
        DataType::Timestamp(unit, zone) => {
            let base = match zone {
                Some(_) => "TIMESTAMP_LTZ",
                None => "TIMESTAMP",
            };
            format!("{base}({})", digits(*unit))
        }
        DataType::List(item) => format!("ARRAY<{}>", type_name(item.data_type())),
        DataType::Map(entries, _) => match entries.data_type() {
            DataType::Struct(kv) if kv.len() == 2 => format!(
                "MAP<{}, {}>",
                type_name(kv[0].data_type()),
                type_name(kv[1].data_type())
            ),
            other => other.to_string(),
        },
        DataType::Struct(fields) => {
            let fields: Vec<String> = fields
                .iter()
                .map(|f| format!("{} {}", quote(f.name()), type_name(f.data_type())))
                .collect();
            format!("ROW<{}>", fields.join(", "))
        }
        DataType::Interval(_) => "INTERVAL".to_owned(),
        other => other.to_string().to_uppercase(),
    }
}

/// Digits of a second.
fn digits(unit: TimeUnit) -> u8 {
    match unit {
        TimeUnit::Second => 0,
        TimeUnit::Millisecond => 3,
        TimeUnit::Microsecond => 6,
        TimeUnit::Nanosecond => 9,
    }
}
