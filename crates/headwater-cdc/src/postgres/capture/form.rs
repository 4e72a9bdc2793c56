//! How the changes of a table become records.

use std::time::{SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use headwater_log::{Record, Result};

use super::settings::{Format, Settings};
use crate::debezium::{Envelope, Origin};
use crate::postgres::shape::Shape;
use crate::postgres::{Cell, TableName};

/// What happened to a row. Keys and rows are objects, whatever records look like.
#[derive(Debug)]
pub(super) enum Change {
    /// It was read from the table.
    Read { key: Bytes, row: Bytes },
    /// It is new.
    Inserted { key: Bytes, row: Bytes },
    /// It is another one; what it was, if all of that is known and wanted.
    Updated {
        key: Bytes,
        before: Option<Bytes>,
        row: Bytes,
    },
    /// It has another key.
    Moved {
        old_key: Bytes,
        before: Bytes,
        key: Bytes,
        row: Bytes,
    },
    /// It is gone; what is known of it.
    Deleted { key: Bytes, before: Bytes },
}

/// How a table's rows and their changes are written.
#[derive(Debug)]
pub(super) struct Form {
    pub(super) shape: Shape,
    envelope: Option<Envelope>,
}

impl Form {
    /// As a capture wants it.
    pub(super) fn new(shape: Shape, table: &TableName, settings: &Settings) -> Self {
        let envelope = match &settings.format {
            Format::Rows => None,
            Format::Debezium(debezium) => {
                let (fields, key) = shape.schemas();
                let names = (table.schema.as_str(), table.name.as_str());
                let database = &settings.address.database;
                Some(Envelope::new(debezium, database, names, &key, &fields))
            }
        };
        Self { shape, envelope }
    }

    /// Whether records say what rows were.
    pub(super) fn has_before(&self) -> bool {
        self.envelope.is_some()
    }

    /// A key as it stands in records.
    pub(super) fn record_key(&self, key: &Bytes) -> Bytes {
        match &self.envelope {
            Some(envelope) => envelope.wrap_key(key),
            None => key.clone(),
        }
    }

    /// The key that stands in a record.
    pub(super) fn key_of<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        match &self.envelope {
            Some(envelope) => envelope.unwrap_key(key),
            None => key,
        }
    }

    /// The row that stands in the value of a record; `None`: it is gone.
    pub(super) fn row_of<'a>(&self, value: Option<&'a [u8]>) -> Option<&'a [u8]> {
        match &self.envelope {
            Some(envelope) => envelope.unwrap_row(value?),
            None => value,
        }
    }

    /// What is known of a row that is gone, if records say it.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn before(&self, old: &[Cell]) -> Result<Bytes> {
        match self.has_before() {
            true => self.shape.value(old, b""),
            false => Ok(Bytes::new()),
        }
    }

    /// What is known of a row of which only the key is, if records say it.
    pub(super) fn before_of_key(&self, key: &[u8]) -> Bytes {
        match self.has_before() {
            true => self.shape.of_key(key),
            false => Bytes::new(),
        }
    }

    /// The records of a change.
    pub(super) fn records(&self, change: Change, origin: &Origin) -> Vec<Record> {
        let Some(envelope) = &self.envelope else {
            return rows(change);
        };
        match change {
            Change::Read { key, row } => vec![envelope.written("r", &key, None, &row, origin)],
            Change::Inserted { key, row } => {
                vec![envelope.written("c", &key, None, &row, origin)]
            }
            Change::Updated { key, before, row } => {
                vec![envelope.written("u", &key, before.as_deref(), &row, origin)]
            }
            Change::Moved {
                old_key,
                before,
                key,
                row,
            } => envelope.moved((&old_key, &before), (&key, &row), origin),
            Change::Deleted { key, before } => envelope.deleted(&key, &before, origin),
        }
    }
}

/// A row is a record, a row that is gone a tombstone.
fn rows(change: Change) -> Vec<Record> {
    let record = |key, value| Record {
        key: Some(key),
        value,
        ..Record::default()
    };
    match change {
        Change::Read { key, row }
        | Change::Inserted { key, row }
        | Change::Updated { key, row, .. } => vec![record(key, Some(row))],
        Change::Moved {
            old_key, key, row, ..
        } => vec![record(old_key, None), record(key, Some(row))],
        Change::Deleted { key, .. } => vec![record(key, None)],
    }
}

/// Now, in microseconds since 1970.
pub(super) fn now_us() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_micros() as i64)
}
