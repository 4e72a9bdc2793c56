//! Rows of MariaDB and MySQL as rows of an outbox.

use bytes::Bytes;

use crate::mysql::{Kind, Table, Value};
use crate::outbox::field::{Field, Row};

/// The row of a table that these values are.
pub(super) fn row(table: &Table, values: &[Value]) -> Row {
    let mut row = Row::default();
    for (column, value) in table.columns.iter().zip(values) {
        row.push(column.name.as_str(), field(value, &column.kind));
    }
    row
}

fn field(value: &Value, kind: &Kind) -> Field {
    let text = || Bytes::from(value.to_text(kind).unwrap_or_default());
    match (value, kind) {
        (Value::Null, _) => Field::Null,
        (Value::Bytes(bytes) | Value::Geometry { wkb: bytes, .. }, _) => {
            Field::Bytes(bytes.clone())
        }
        (Value::Text(json), Kind::Json { .. }) => Field::Json(json.clone()),
        (Value::Text(text), _) => Field::Text(text.clone()),
        (
            Value::Int(_)
            | Value::UInt(_)
            | Value::Decimal(_)
            | Value::Float(_)
            | Value::Double(_)
            | Value::Bits(_)
            | Value::Year(_),
            _,
        ) => Field::Json(text()),
        (Value::Date(_) | Value::DateTime(_) | Value::Time(_), _) => Field::Text(text()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_documents_are_json_and_the_rest_is_text_or_bytes() {
        let number = Kind::Int {
            bytes: 8,
            is_unsigned: false,
        };
        assert_eq!(field(&Value::Int(-7), &number), Field::Json("-7".into()));
        assert_eq!(field(&Value::Null, &number), Field::Null);
        let bytes = Bytes::from_static(&[0, 255]);
        assert_eq!(
            field(&Value::Bytes(bytes.clone()), &number),
            Field::Bytes(bytes)
        );
        let text = Bytes::from_static(b"{}");
        assert_eq!(
            field(&Value::Text(text.clone()), &number),
            Field::Text(text)
        );
        let time = Value::Time(3_600_000_000);
        let kind = Kind::Time { digits: 0 };
        assert_eq!(field(&time, &kind), Field::Text("01:00:00".into()));
    }
}
