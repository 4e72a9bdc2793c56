//! How the rows of a table are written, as a capture wants it.

use super::settings::Settings;
use crate::capture::{Form, Format};
use crate::debezium::{Connector, Envelope, Names};
use crate::postgres::TableName;
use crate::postgres::catalog::Kinds;
use crate::postgres::shape::Shape;

/// Rows of this shape, of this table.
pub(super) fn form(shape: &Shape, table: &TableName, settings: &Settings) -> Form {
    match &settings.format {
        Format::Rows => Form::ROWS,
        Format::Debezium(debezium) => {
            let (fields, key) = shape.schemas();
            let names = Names {
                connector: Connector::PostgreSql,
                database: &settings.address.database,
                schema: Some(&table.schema),
                table: &table.name,
            };
            Form::events(Envelope::new(debezium, names, &key, &fields))
        }
    }
}

/// The kinds that values are written in.
pub(super) fn kinds(format: &Format) -> Kinds {
    match format {
        Format::Rows => Kinds::new(None),
        Format::Debezium(debezium) => Kinds::new(Some(debezium.decimals)),
    }
}
