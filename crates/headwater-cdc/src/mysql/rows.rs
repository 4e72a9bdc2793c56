//! Rows that were inserted, updated or deleted, decoded one after the other.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::failure::malformed;
use super::reader::Reader;
use super::table::Table;
use super::value::Value;
use crate::debezium::BinlogPlace;

/// What happened to rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RowsKind {
    /// They are new.
    Insert,
    /// They are other ones now.
    Update,
    /// They are gone.
    Delete,
}

/// A row before and after.
#[derive(Debug, Clone, PartialEq)]
pub struct Change {
    /// What it was; `None`: it was not there.
    pub before: Option<Vec<Value>>,
    /// What it is; `None`: it is gone.
    pub after: Option<Vec<Value>>,
}

/// Rows of a table that one event of the log holds.
#[derive(Debug, Clone)]
pub struct Rows {
    /// Their table, as it was then.
    pub table: Arc<Table>,
    /// What happened to them.
    pub kind: RowsKind,
    /// Where they lie in the log.
    pub(super) place: Arc<BinlogPlace>,
    /// When they were written, in seconds since 1970.
    pub(super) time: u32,
    raw: RawRows,
}

/// An event with rows, whose table is not known yet.
#[derive(Debug, Clone)]
pub(super) struct RawRows {
    pub(super) table: u64,
    pub(super) kind: RowsKind,
    columns: usize,
    /// Which columns are there: before, and after where both are.
    present: Vec<Bytes>,
    pub(super) data: Bytes,
}

impl RawRows {
    pub(super) fn decode(kind: RowsKind, mut reader: Reader, is_second: bool) -> Result<Self> {
        let table = reader.uint(6)?;
        reader.u16()?;
        if is_second {
            // The length of what nobody needs counts its own two bytes.
            let extra = usize::from(reader.u16()?);
            let extra = extra.checked_sub(2).ok_or_else(|| reader.malformed())?;
            reader.take(extra)?;
        }
        let columns = reader.packed_len()?;
        let images = if kind == RowsKind::Update { 2 } else { 1 };
        let present = (0..images).map(|_| reader.take(columns.div_ceil(8)));
        Ok(Self {
            table,
            kind,
            columns,
            present: present.collect::<Result<_>>()?,
            data: reader.rest(),
        })
    }
}

impl Rows {
    pub(super) fn new(table: Arc<Table>, raw: RawRows) -> Self {
        Self {
            table,
            kind: raw.kind,
            place: Arc::default(),
            time: 0,
            raw,
        }
    }

    /// The rows, one after the other.
    ///
    /// # Errors
    /// `Unsupported` if the server is not set up to tell all of them and what they mean, or a value is of a type or in a
    /// character set that cannot be read; `Corrupt`.
    pub fn changes(&self) -> Result<impl Iterator<Item = Result<Change>> + use<'_>> {
        self.table.check_described()?;
        if self.raw.columns != self.table.columns.len() {
            return Err(malformed("event with rows"));
        }
        let is_whole = |present: &Bytes| (0..self.raw.columns).all(|n| is_set(present, n));
        if !self.raw.present.iter().all(is_whole) {
            return Err(self.partial());
        }
        let mut reader = Reader::new(self.raw.data.clone(), "row");
        Ok(std::iter::from_fn(move || {
            if reader.is_empty() {
                return None;
            }
            let change = self.change(&mut reader);
            if change.is_err() {
                // What follows cannot be found.
                reader = Reader::new(Bytes::new(), "row");
            }
            Some(change)
        }))
    }

    fn change(&self, reader: &mut Reader) -> Result<Change> {
        Ok(match self.kind {
            RowsKind::Insert => Change {
                before: None,
                after: Some(self.row(reader)?),
            },
            RowsKind::Update => Change {
                before: Some(self.row(reader)?),
                after: Some(self.row(reader)?),
            },
            RowsKind::Delete => Change {
                before: Some(self.row(reader)?),
                after: None,
            },
        })
    }

    fn row(&self, reader: &mut Reader) -> Result<Vec<Value>> {
        let columns = &self.table.columns;
        let nulls = reader.take(columns.len().div_ceil(8))?;
        let value = |(n, column): (usize, &super::table::Column)| match is_set(&nulls, n) {
            true => Ok(Value::Null),
            false => column.kind.value(reader).map_err(|e| {
                let Table { database, name, .. } = &*self.table;
                let place = format!("column '{}' of '{database}.{name}'", column.name);
                Error::new(e.kind(), format!("{place}: {}", e.message()))
                    .with_hint(e.hint().unwrap_or("its rows cannot be captured"))
            }),
        };
        columns.iter().enumerate().map(value).collect()
    }

    fn partial(&self) -> Error {
        let Table { database, name, .. } = &*self.table;
        let text = format!("the log has parts of the rows of '{database}.{name}' only");
        Error::new(ErrorKind::Unsupported, text).with_hint(
            "SET GLOBAL binlog_row_image = 'FULL', reconnect all writers, and begin anew with a backfill of this table",
        )
    }
}

fn is_set(bits: &[u8], n: usize) -> bool {
    bits.get(n / 8).is_some_and(|byte| byte >> (n % 8) & 1 == 1)
}
