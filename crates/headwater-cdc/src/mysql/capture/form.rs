//! How the rows of tables are written, as a capture wants it.

use std::borrow::Cow;
use std::collections::HashMap;

use headwater_log::{ErrorKind, Result};

use super::condition::RowCondition;
use super::flat::flat;
use super::settings::{Settings, TableName};
use super::shape::{Shape, columns};
use crate::capture::{Form, Format};
use crate::debezium::{Connector, Debezium, Envelope, FieldSchema, Names, Semantic};
use crate::filter::{ColumnOf, Condition, Filters, Rule};
use crate::flat::{Dialect, Flat};
use crate::mysql::defaults::{self, ColumnDefault, Said};
use crate::mysql::{Column, Session, Table, semantic};

/// How the rows of the tables of a capture are written.
#[derive(Debug)]
pub(super) struct Forms {
    format: Format,
    connector: Connector,
    filters: Filters,
    conditions: Vec<(TableName, Condition)>,
}

impl Forms {
    /// # Errors
    /// `Invalid` for a condition that is none.
    pub(super) fn new(settings: &Settings, is_mariadb: bool) -> Result<Self> {
        let conditions = settings.conditions.iter();
        let conditions = conditions.map(|(name, text)| Ok((name.clone(), Condition::parse(text)?)));
        Ok(Self {
            format: settings.format.clone(),
            connector: match is_mariadb {
                true => Connector::MariaDb,
                false => Connector::MySql,
            },
            filters: settings.filters.clone(),
            conditions: conditions.collect::<Result<_>>()?,
        })
    }

    /// How the rows of a table are written, which looks like this at its place of the log. Events tell defaults of columns, and hashes may be
    /// as long as these, which the catalogue knows as they are now.
    ///
    /// # Errors
    /// `Unsupported` if nothing identifies its rows; what is wrong with what was said of its columns and rows; what the server says.
    pub(super) fn shape(&self, table: &Table, session: &mut Session) -> Result<Shape> {
        let table = &*self.keyed(table, session)?;
        let mut shape = Shape::of(table)?;
        let is_asked = self.format != Format::Rows || self.filters.ask_lengths();
        let said = match is_asked {
            true => defaults::said(session, &table.database, &table.name)?,
            false => HashMap::new(),
        };
        let rules = self.rules(table, &said)?;
        shape.choose(rules, self.condition(table, session)?);
        if let Some(dialect) = self.dialect() {
            shape.write_flat(dialect, Form::flat(flat(dialect, table, &said, &shape)?));
            return Ok(shape);
        }
        self.events(table, &said, shape)
    }

    /// With the words of Maxwell or Canal; `None`: not with these.
    fn dialect(&self) -> Option<Dialect> {
        match self.format {
            Format::Maxwell => Some(Dialect::Maxwell),
            Format::Canal => Some(Dialect::Canal),
            Format::Rows | Format::Debezium(_) => None,
        }
    }

    /// Whether records tell where a change stands in its transaction.
    pub(super) fn tells_standing(&self) -> bool {
        self.format == Format::Maxwell
    }

    /// The shape of a table whose rows are told by Debezium's events.
    fn events(
        &self,
        table: &Table,
        said: &HashMap<String, Said>,
        mut shape: Shape,
    ) -> Result<Shape> {
        let Format::Debezium(debezium) = &self.format else {
            return Ok(shape);
        };
        let fields = table.columns.iter().enumerate().map(|(place, column)| {
            let said = said.get(&column.name);
            Ok(FieldSchema {
                treated: shape.rules[place].told(),
                ..field(column, said, debezium)?
            })
        });
        let fields = fields.collect::<Result<Vec<_>>>()?;
        let key: Vec<FieldSchema> = shape.key_places().map(|n| fields[n].clone()).collect();
        let names = self.names(&table.database, &table.name);
        let kept = fields.iter().enumerate().filter(|(n, _)| shape.is_kept(*n));
        let kept: Vec<FieldSchema> = kept.map(|(_, field)| field.clone()).collect();
        let envelope = Envelope::new(debezium, names, &key, &kept);
        shape.write_events(fields, Form::events(envelope));
        Ok(shape)
    }

    fn rules(&self, table: &Table, said: &HashMap<String, Said>) -> Result<Vec<Rule>> {
        let name = format!("{}.{}", table.database, table.name);
        let rule = |column: &Column| {
            self.filters.rule(ColumnOf {
                table: &name,
                name: &column.name,
                is_key: column.key.is_some(),
                is_text: column.kind.is_text(),
                length: said.get(&column.name).and_then(|said| said.length),
            })
        };
        table.columns.iter().map(rule).collect()
    }

    /// A table with the key that is wanted. Where it looks otherwise than now and cannot have it, it has its own: then it is read anew.
    ///
    /// # Errors
    /// `Unsupported` if the key that is wanted does not identify rows.
    pub(super) fn keyed<'a>(
        &self,
        table: &'a Table,
        session: &mut Session,
    ) -> Result<Cow<'a, Table>> {
        let names = table.columns.iter().map(|c| c.name.as_str());
        let name = format!("{}.{}", table.database, table.name);
        let wanted = self.filters.key(&name, names);
        if wanted.is_empty() {
            return Ok(Cow::Borrowed(table));
        }
        match table.keyed_by(&wanted) {
            Ok(keyed) => Ok(Cow::Owned(keyed)),
            Err(error) => match self.is_now(table, session)? {
                true => Err(error),
                false => Ok(Cow::Borrowed(table)),
            },
        }
    }

    /// Whether a table of the log looks as it does now.
    fn is_now(&self, table: &Table, session: &mut Session) -> Result<bool> {
        match Table::of(session, &table.database, &table.name) {
            Ok(now) => Ok(columns(&now) == columns(table)),
            Err(e) if e.kind() == ErrorKind::NotFound => Ok(false),
            Err(e) => Err(e),
        }
    }

    /// The condition on the rows of a table. One that says nothing of how the table looks here is not known to hold for any row, if it looks
    /// otherwise now: then it is read anew.
    fn condition(&self, table: &Table, session: &mut Session) -> Result<Option<RowCondition>> {
        let mut conditions = self.conditions.iter();
        let is_of = |name: &TableName| name.database == table.database && name.name == table.name;
        let Some((_, condition)) = conditions.find(|(name, _)| is_of(name)) else {
            return Ok(None);
        };
        let error = match RowCondition::of(condition, table) {
            Ok(found) => return Ok(Some(found)),
            Err(error) => error,
        };
        match self.is_now(table, session)? {
            true => Err(error),
            false => Ok(Some(RowCondition::never())),
        }
    }

    /// How what is known of a table that is gone is written.
    pub(super) fn of_gone(&self, name: &TableName) -> Form {
        match &self.format {
            Format::Rows => Form::ROWS,
            Format::Maxwell | Format::Canal => {
                let flat = |of| Flat::new(of, &name.database, None, &name.name, &[]);
                self.dialect().map_or(Form::ROWS, |of| Form::flat(flat(of)))
            }
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
    let semantic = match semantic::of(&column.kind, debezium.modes()) {
        Semantic::Float if said.is_some_and(Said::has_digits) => Semantic::Double,
        semantic => semantic,
    };
    let mut field = FieldSchema {
        name: column.name.clone(),
        semantic,
        is_optional: column.is_nullable,
        default: None,
        treated: None,
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
