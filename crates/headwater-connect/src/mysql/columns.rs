//! The columns of a table whose definition names none: those of the server.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_cdc::mysql::{Charset, Column, Kind, Session, Settings, Table};
use headwater_flow::Result;

use crate::cdc::{Columns, has_column};

/// The most digits of a DECIMAL.
const DECIMAL_DIGITS_MAX: u8 = 38;
/// The digits of the largest number of 64 bits.
const U64_DIGITS: u8 = 20;

/// The columns and the primary key of a table.
///
/// # Errors
/// `Unavailable`, `NotFound`, `Unsupported` if nothing identifies its rows.
pub(super) fn of(settings: &Settings) -> Result<Columns> {
    let mut session = Session::connect(&settings.address)?;
    let (name, _) = &settings.tables[0];
    let table = Table::of(&mut session, &name.database, &name.name)?;
    let field = |c: &Column| Field::new(&c.name, data_type(&c.kind), c.key.is_none());
    let table_name = name.to_string();
    let columns = table.columns.iter();
    let columns = columns.filter(|c| has_column(&settings.filters, &table_name, &c.name));
    let fields: Vec<Field> = columns.map(field).collect();
    let key = table.demand_key()?.into_iter().map(|c| c.name.clone());
    Ok((Arc::new(Schema::new(fields)), key.collect()))
}

/// The type that holds every value of a type exactly.
fn data_type(kind: &Kind) -> DataType {
    match kind {
        Kind::Int {
            bytes,
            is_unsigned: false,
        } => match bytes {
            1 => DataType::Int8,
            2 => DataType::Int16,
            3 | 4 => DataType::Int32,
            _ => DataType::Int64,
        },
        Kind::Int { bytes, .. } => match bytes {
            1 => DataType::Int16,
            2 | 3 => DataType::Int32,
            4 => DataType::Int64,
            _ => DataType::Decimal128(U64_DIGITS, 0),
        },
        Kind::Bit { bits: 0..=63 } => DataType::Int64,
        Kind::Bit { .. } => DataType::Decimal128(U64_DIGITS, 0),
        Kind::Year => DataType::Int16,
        Kind::Float => DataType::Float32,
        Kind::Double => DataType::Float64,
        Kind::Decimal { precision, scale } if *precision <= DECIMAL_DIGITS_MAX => {
            DataType::Decimal128(*precision, *scale as i8)
        }
        Kind::Date => DataType::Date32,
        Kind::DateTime { .. } => DataType::Timestamp(TimeUnit::Microsecond, None),
        Kind::Timestamp { .. } => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Char { charset, .. } | Kind::Varchar { charset, .. } | Kind::Blob { charset, .. }
            if *charset == Charset::Binary =>
        {
            DataType::Binary
        }
        Kind::Vector { .. } => DataType::Binary,
        Kind::Geometry { .. } => DataType::Struct(
            vec![
                Field::new("srid", DataType::Int64, true),
                Field::new("wkb", DataType::Binary, true),
            ]
            .into(),
        ),
        // A TIME may be of days, and longer DECIMALs, ENUM, SET, JSON and the like are text.
        _ => DataType::Utf8,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_hold_every_value() {
        let int = |bytes, is_unsigned| Kind::Int { bytes, is_unsigned };
        let decimal = |precision, scale| Kind::Decimal { precision, scale };
        let blob = |charset| Kind::Blob {
            length_bytes: 2,
            charset,
            is_compressed: false,
        };
        let cases = [
            (int(1, true), DataType::Int16),
            (int(3, true), DataType::Int32),
            (int(4, true), DataType::Int64),
            (int(8, false), DataType::Int64),
            (int(8, true), DataType::Decimal128(20, 0)),
            (decimal(10, 2), DataType::Decimal128(10, 2)),
            (decimal(65, 30), DataType::Utf8),
            (Kind::Bit { bits: 64 }, DataType::Decimal128(20, 0)),
            (Kind::Time { digits: 6 }, DataType::Utf8),
            (blob(Charset::Binary), DataType::Binary),
            (blob(Charset::Utf8), DataType::Utf8),
        ];
        for (kind, want) in cases {
            assert_eq!(data_type(&kind), want, "{kind:?}");
        }
    }
}
