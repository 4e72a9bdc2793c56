//! How the rows of a table are written, as a capture wants it.

use super::settings::Settings;
use crate::capture::{Form, Format};
use crate::debezium::{Connector, Envelope, Names};
use crate::flat::{Dialect, Flat};
use crate::postgres::TableName;
use crate::postgres::catalog::Kinds;
use crate::postgres::shape::Shape;

/// Rows of this shape, of this table.
pub(super) fn form(shape: &Shape, table: &TableName, settings: &Settings) -> Form {
    match &settings.format {
        Format::Rows => Form::ROWS,
        Format::Maxwell => flat(Dialect::Maxwell, shape, table, settings),
        Format::Canal => flat(Dialect::Canal, shape, table, settings),
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

fn flat(dialect: Dialect, shape: &Shape, table: &TableName, settings: &Settings) -> Form {
    let database = &settings.address.database;
    let (schema, key) = (Some(table.schema.as_str()), shape.key_names());
    Form::flat(Flat::new(dialect, database, schema, &table.name, &key))
}

/// The kinds that values are written in.
pub(super) fn kinds(format: &Format) -> Kinds {
    match format {
        Format::Rows | Format::Maxwell | Format::Canal => Kinds::new(None),
        Format::Debezium(debezium) => Kinds::new(Some(debezium.modes())),
    }
}
