//! The values of MariaDB and MySQL as Maxwell and Canal write them, where that is not how rows have them, and what Canal says of types.

use std::collections::HashMap;

use headwater_log::Result;

use super::shape::Shape;
use crate::flat::{ColumnType, Dialect, Flat};
use crate::json;
use crate::mysql::defaults::Said;
use crate::mysql::{Charset, Kind, Table, Value};

/// The records of a table in a dialect; `said`: what the catalogue says of its columns, as it is now.
///
/// # Errors
/// `Unsupported` if nothing identifies its rows.
pub(super) fn flat(
    dialect: Dialect,
    table: &Table,
    said: &HashMap<String, Said>,
    shape: &Shape,
) -> Result<Flat> {
    let mut key = table.demand_key()?;
    key.sort_by_key(|column| column.key);
    let key: Vec<&str> = key.iter().map(|column| column.name.as_str()).collect();
    let columns = table.columns.iter().enumerate();
    let kept = columns.filter(|(place, _)| shape.is_kept(*place));
    let types = kept.map(|(_, column)| ColumnType {
        name: &column.name,
        in_server: said.get(&column.name).map(|said| said.column_type.as_str()),
        in_jdbc: in_jdbc(&column.kind),
    });
    let flat = Flat::new(dialect, &table.database, None, &table.name, &key);
    Ok(flat.with_types(types))
}

/// Writes a value that is written otherwise than in rows; gives whether it is one.
pub(super) fn write(value: &Value, kind: &Kind, dialect: Dialect, out: &mut Vec<u8>) -> bool {
    match (value, kind, dialect) {
        // Both have it in UTC without saying so.
        (Value::DateTime(time), Kind::Timestamp { digits }, _) => {
            json::string(time.text(*digits).as_bytes(), out);
        }
        (Value::Text(labels), Kind::Set { .. }, Dialect::Maxwell) => {
            out.push(b'[');
            let labels = labels
                .split(|b| *b == b',')
                .filter(|label| !label.is_empty());
            for (at, label) in labels.enumerate() {
                if at > 0 {
                    out.push(b',');
                }
                json::string(label, out);
            }
            out.push(b']');
        }
        (Value::Text(document), Kind::Json { .. }, Dialect::Maxwell) => {
            out.extend_from_slice(document);
        }
        _ => return false,
    }
    true
}

/// The number of the type in `java.sql.Types`: of unsigned numbers one that has them all.
fn in_jdbc(kind: &Kind) -> i32 {
    let is_text = |charset: &Charset| *charset != Charset::Binary;
    match kind {
        Kind::Int { bytes, is_unsigned } => match (bytes, is_unsigned) {
            (1, false) => -6,
            (1, true) | (2, false) => 5,
            (2, true) | (3, _) | (4, false) => 4,
            (8, true) => 3,
            _ => -5,
        },
        Kind::Float => 7,
        Kind::Double => 8,
        Kind::Decimal { .. } => 3,
        Kind::Bit { .. } => -7,
        Kind::Date => 91,
        Kind::Time { .. } => 92,
        Kind::DateTime { .. } | Kind::Timestamp { .. } => 93,
        Kind::Char { charset, .. } if is_text(charset) => 1,
        Kind::Char { .. } => -2,
        Kind::Varchar { charset, .. } if is_text(charset) => 12,
        Kind::Varchar { .. } => -3,
        Kind::Blob { charset, .. } if is_text(charset) => 2005,
        Kind::Blob { .. } | Kind::Vector { .. } | Kind::Unknown { .. } => 2004,
        Kind::Geometry { .. } => -2,
        Kind::Year
        | Kind::Enum { .. }
        | Kind::Set { .. }
        | Kind::Json { .. }
        | Kind::Uuid
        | Kind::Inet6
        | Kind::Inet4 => 12,
    }
}
