//! The columns of a table whose definition names none: those of the database.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use headwater_cdc::postgres::{Session, Settings, Table};
use headwater_flow::Result;

use crate::cdc::{Columns, has_column};

/// The most digits of a DECIMAL.
const DECIMAL_DIGITS_MAX: u8 = 38;

/// The columns and the primary key of a table.
///
/// # Errors
/// `Unavailable`, `NotFound`, `Unsupported` if nothing identifies its rows.
pub(super) fn of(settings: &Settings) -> Result<Columns> {
    let mut session = Session::connect(&settings.address)?;
    let (name, _) = &settings.tables[0];
    let table = Table::look_up(&mut session, name)?;
    let field = |c: &headwater_cdc::postgres::Column| {
        let is_key = table.key.contains(&c.name);
        Field::new(&c.name, data_type(&c.type_name), !is_key)
    };
    let table_name = name.to_string();
    let columns = table.columns.iter();
    let columns = columns.filter(|c| has_column(&settings.filters, &table_name, &c.name));
    let fields: Vec<Field> = columns.map(field).collect();
    Ok((Arc::new(Schema::new(fields)), table.key))
}

/// The type that holds every value of a type exactly, as the server writes its name; most are texts.
fn data_type(name: &str) -> DataType {
    if let Some(element) = name.strip_suffix("[]") {
        let item = Field::new("item", data_type(element), true);
        return DataType::List(Arc::new(item));
    }
    // Arguments stand in the midst of some names: timestamp(3) without time zone.
    let cut = name.split_once('(').and_then(|(before, rest)| {
        let (arguments, after) = rest.split_once(')')?;
        Some((format!("{before}{after}"), arguments))
    });
    let (base, arguments) = cut.unwrap_or_else(|| (name.to_owned(), ""));
    match base.as_str() {
        "boolean" => DataType::Boolean,
        "smallint" => DataType::Int16,
        "integer" => DataType::Int32,
        "bigint" => DataType::Int64,
        "real" => DataType::Float32,
        "double precision" => DataType::Float64,
        "numeric" => decimal(arguments).unwrap_or(DataType::Utf8),
        "bytea" => DataType::Binary,
        "date" => DataType::Date32,
        "timestamp without time zone" => DataType::Timestamp(TimeUnit::Microsecond, None),
        "timestamp with time zone" => {
            DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into()))
        }
        _ => DataType::Utf8,
    }
}

fn decimal(arguments: &str) -> Option<DataType> {
    let (precision, scale) = arguments.split_once(',')?;
    let (precision, scale): (u8, i8) = (precision.parse().ok()?, scale.parse().ok()?);
    let fits = precision <= DECIMAL_DIGITS_MAX && scale >= 0 && scale as u8 <= precision;
    fits.then_some(DataType::Decimal128(precision, scale))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn types_hold_every_value() {
        let cases = [
            ("numeric(10,2)", DataType::Decimal128(10, 2)),
            ("numeric", DataType::Utf8),
            ("numeric(50,2)", DataType::Utf8),
            ("numeric(3,-2)", DataType::Utf8),
            ("character varying(20)", DataType::Utf8),
            (
                "timestamp(3) without time zone",
                DataType::Timestamp(TimeUnit::Microsecond, None),
            ),
            ("bigint", DataType::Int64),
        ];
        for (name, want) in cases {
            assert_eq!(data_type(name), want, "{name}");
        }
        let array = DataType::List(Arc::new(Field::new("item", DataType::Int32, true)));
        assert_eq!(data_type("integer[]"), array);
    }
}
