//! How the changes of a table become records.

use bytes::Bytes;
use headwater_log::{Record, Result};

use crate::debezium::{Envelope, Origin, Standing};
use crate::filter::Operations;
use crate::flat::{Became, Flat};

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
pub(crate) struct Form(Writes);

#[derive(Debug, Clone)]
enum Writes {
    /// Keys and rows as they are.
    Rows,
    /// The events of Debezium.
    Events(Envelope),
    /// The JSON of Maxwell or Canal. Keys are as they are.
    Flat(Flat),
}

impl Change {
    /// How many events tell it.
    pub(crate) fn events(&self) -> u64 {
        match self {
            Self::Moved { .. } => 2,
            _ => 1,
        }
    }

    /// Whether it is of a kind that is not taken over.
    pub(crate) fn is_among(&self, skipped: Operations) -> bool {
        match self {
            Self::Read { .. } => false,
            Self::Inserted { .. } => skipped.created,
            Self::Updated { .. } | Self::Moved { .. } => skipped.updated,
            Self::Deleted { .. } => skipped.deleted,
        }
    }
}

impl Form {
    /// Keys and rows as they are.
    pub(crate) const ROWS: Self = Self(Writes::Rows);

    /// The events of Debezium.
    pub(crate) fn events(envelope: Envelope) -> Self {
        Self(Writes::Events(envelope))
    }

    /// The JSON of Maxwell or Canal.
    pub(crate) fn flat(flat: Flat) -> Self {
        Self(Writes::Flat(flat))
    }

    /// Whether records say what rows were.
    pub(crate) fn has_before(&self) -> bool {
        !matches!(self.0, Writes::Rows)
    }

    /// A key as it stands in records.
    pub(super) fn record_key(&self, key: &Bytes) -> Bytes {
        match &self.0 {
            Writes::Events(envelope) => envelope.wrap_key(key),
            Writes::Rows | Writes::Flat(_) => key.clone(),
        }
    }

    /// The key that stands in a record.
    pub(super) fn key_of<'a>(&self, key: &'a [u8]) -> &'a [u8] {
        match &self.0 {
            Writes::Events(envelope) => envelope.unwrap_key(key),
            Writes::Rows | Writes::Flat(_) => key,
        }
    }

    /// The row that stands in the value of a record; `None`: it is gone.
    pub(super) fn row_of<'a>(&self, value: Option<&'a [u8]>) -> Option<&'a [u8]> {
        match &self.0 {
            Writes::Rows => value,
            Writes::Events(envelope) => envelope.unwrap_row(value?),
            Writes::Flat(flat) => flat.row(value?),
        }
    }

    /// What is known of a row of which only the key is, if records say it.
    pub(super) fn before_of_key(&self, key: &[u8]) -> Bytes {
        match &self.0 {
            Writes::Rows => Bytes::new(),
            Writes::Events(envelope) => envelope.row_of_key(key),
            Writes::Flat(_) => Bytes::copy_from_slice(key),
        }
    }

    /// The records that say that a row is gone of which only the key of its records is known, also if rows were identified
    /// otherwise then.
    pub(super) fn emptied(&self, record_key: &Bytes, origin: &Origin) -> Vec<Record> {
        let before = self.before_of_key(self.key_of(record_key));
        match &self.0 {
            Writes::Events(envelope) => envelope.deleted(record_key.clone(), &before, origin),
            Writes::Rows | Writes::Flat(_) => {
                let key = record_key.clone();
                self.records(Change::Deleted { key, before }, origin)
            }
        }
    }

    /// Gives the key and the value of the record of a row that was read from the table.
    pub(super) fn put_read(
        &self,
        key: &[u8],
        row: &[u8],
        origin: &Origin,
        mut put: impl FnMut(&[u8], &[u8]) -> Result<()>,
    ) -> Result<()> {
        if let Writes::Rows = &self.0 {
            return put(key, row);
        }
        let [key, row] = [key, row].map(Bytes::copy_from_slice);
        let records = self.records(Change::Read { key, row }, origin);
        records.into_iter().try_for_each(|record| {
            let (key, value) = (record.key.as_deref(), record.value.as_deref());
            put(key.unwrap_or_default(), value.unwrap_or_default())
        })
    }

    /// The records of a change.
    pub(super) fn records(&self, change: Change, origin: &Origin) -> Vec<Record> {
        match &self.0 {
            Writes::Rows => rows(change),
            Writes::Events(envelope) => events(envelope, change, origin),
            Writes::Flat(flat) => flat_records(flat, change, origin),
        }
    }
}

fn events(envelope: &Envelope, change: Change, origin: &Origin) -> Vec<Record> {
    match change {
        Change::Read { key, row } => vec![envelope.written("r", &key, None, &row, origin)],
        Change::Inserted { key, row } => vec![envelope.written("c", &key, None, &row, origin)],
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

fn flat_records(flat: &Flat, change: Change, origin: &Origin) -> Vec<Record> {
    let record = |became, key, row: &[u8]| flat.record(became, key, row, None, origin);
    match change {
        Change::Read { key, row } => vec![record(Became::Read, key, &row)],
        Change::Inserted { key, row } => vec![record(Became::Inserted, key, &row)],
        Change::Updated { key, before, row } => {
            let before = before.as_deref();
            vec![flat.record(Became::Updated, key, &row, before, origin)]
        }
        Change::Moved {
            old_key,
            before,
            key,
            row,
        } => vec![
            flat.record(Became::Deleted, old_key, &before, None, &first(origin)),
            record(Became::Inserted, key, &row),
        ],
        Change::Deleted { key, before } => vec![record(Became::Deleted, key, &before)],
    }
}

/// Of the first of two records of a change, where that is told of the second.
fn first(origin: &Origin) -> Origin {
    let standing = origin.standing.map(|standing| Standing {
        offset: standing.offset.saturating_sub(1),
        is_last: false,
        ..standing
    });
    Origin {
        standing,
        ..origin.clone()
    }
}

/// A row is a record, a row that is gone a tombstone.
fn rows(change: Change) -> Vec<Record> {
    let record = row_record;
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

fn row_record(key: Bytes, value: Option<Bytes>) -> Record {
    Record {
        key: Some(key),
        value,
        ..Record::default()
    }
}
