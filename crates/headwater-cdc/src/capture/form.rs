//! How the changes of a table become records.

use bytes::Bytes;
use headwater_log::Record;

use crate::debezium::{Envelope, Origin};

/// What happened to a row. Keys and rows are objects, whatever records look like.
#[derive(Debug)]
pub(crate) enum Change {
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

/// How the rows of a table and their changes are written.
#[derive(Debug, Clone)]
pub(crate) struct Form {
    envelope: Option<Envelope>,
}

impl Form {
    /// Keys and rows as they are.
    pub(crate) const ROWS: Self = Self { envelope: None };

    /// The events of Debezium.
    pub(crate) fn events(envelope: Envelope) -> Self {
        Self {
            envelope: Some(envelope),
        }
    }

    /// Whether records say what rows were.
    pub(crate) fn has_before(&self) -> bool {
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

    /// What is known of a row of which only the key is, if records say it.
    pub(super) fn before_of_key(&self, key: &[u8]) -> Bytes {
        match &self.envelope {
            Some(envelope) => envelope.row_of_key(key),
            None => Bytes::new(),
        }
    }

    /// The records that say that a row is gone of which only the key of its records is known, also if rows were identified
    /// otherwise then.
    pub(super) fn emptied(&self, record_key: &Bytes, origin: &Origin) -> Vec<Record> {
        let before = self.before_of_key(self.key_of(record_key));
        match &self.envelope {
            Some(envelope) => envelope.deleted(record_key.clone(), &before, origin),
            None => rows(Change::Deleted {
                key: record_key.clone(),
                before,
            }),
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
            Change::Deleted { key, before } => {
                envelope.deleted(envelope.wrap_key(&key), &before, origin)
            }
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
