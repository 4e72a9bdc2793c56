//! How the rows of tables are written, as a capture wants it.

use headwater_log::Result;

use super::settings::{Settings, TableName};
use super::shape::Shape;
use crate::capture::{Form, Format};
use crate::debezium::{Connector, Debezium, Envelope, FieldSchema, Names, Semantic};
use crate::mysql::defaults::{self, ColumnDefault, Said};
use crate::mysql::{Column, Session, Table, semantic};

/// How the rows of the tables of a capture are written.
#[derive(Debug)]
pub(super) struct Forms {
    format: Format,
    connector: Connector,
}

impl Forms {
    pub(super) fn new(settings: &Settings, is_mariadb: bool) -> Self {
        Self {
            format: settings.format.clone(),
            connector: match is_mariadb {
                true => Connector::MariaDb,
                false => Connector::MySql,
            },
        }
    }

    /// How the rows of a table are written, which looks like this at its place of the log. Events tell defaults of columns, which the
    /// catalogue knows as they are now.
    ///
    /// # Errors
    /// `Unsupported` if nothing identifies its rows; what the server says.
    pub(super) fn shape(&self, table: &Table, session: &mut Session) -> Result<Shape> {
        let mut shape = Shape::of(table)?;
        let Format::Debezium(debezium) = &self.format else {
            return Ok(shape);
        };
        let said = defaults::said(session, &table.database, &table.name)?;
        let fields = table.columns.iter().map(|column| {
            let said = said.get(&column.name);
            field(column, said, debezium)
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let key: Vec<FieldSchema> = shape.key_places().map(|n| fields[n].clone()).collect();
        let names = self.names(&table.database, &table.name);
        let envelope = Envelope::new(debezium, names, &key, &fields);
        shape.write_events(fields, Form::events(envelope));
        Ok(shape)
    }

    /// How what is known of a table that is gone is written.
    pub(super) fn of_gone(&self, name: &TableName) -> Form {
        match &self.format {
            Format::Rows | Format::Maxwell | Format::Canal => Form::ROWS,
            Format::Debezium(debezium) => {
                let names = self.names(&name.database, &name.name);
                Form::events(Envelope::new(debezium, names, &[], &[]))
            }
        }
    }

    fn names<'a>(&self, database: &'a str, table: &'a str) -> Names<'a> {
        Names {
            connector: self.connector,
            database,
            schema: None,
            table,
        }
    }
}

/// A column as the schemas of events tell it.
fn field(column: &Column, said: Option<&Said>, debezium: &Debezium) -> Result<FieldSchema> {
    let semantic = match semantic::of(&column.kind, debezium.decimals) {
        Semantic::Float if said.is_some_and(|said| said.has_digits) => Semantic::Double,
        semantic => semantic,
    };
    let mut field = FieldSchema {
        name: column.name.clone(),
        semantic,
        is_optional: column.is_nullable,
        default: None,
    };
    match said.and_then(|said| said.default(&column.kind)) {
        Some(ColumnDefault::Value(value)) => {
            let mut out = Vec::new();
            semantic::write(&value, &column.kind, &field, &mut out)?;
            field.default = Some(out).filter(|out| out != b"null");
        }
        Some(ColumnDefault::Computed) if !field.is_optional => {
            field.default = Some(semantic::zero(&field));
        }
        Some(ColumnDefault::Computed) | None => {}
    }
    Ok(field)
}
