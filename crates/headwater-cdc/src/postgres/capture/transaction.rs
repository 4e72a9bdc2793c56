//! The messages of transactions become the records of one commit. It decides nothing about I/O: values that a change left out are
//! asked for through [`Before`].

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use headwater_log::{Commit, Record, Result, Timestamp};

use super::form::{Change, Form, now_us};
use super::setup::Captured;
use super::touched::{TableIndex, Touched};
use crate::debezium::Origin;
use crate::postgres::failure::malformed;
use crate::postgres::{Cell, Lsn};

/// From 1970 to 2000, in microseconds.
const POSTGRES_EPOCH_US: i64 = 946_684_800_000_000;

/// Asked for what is in a topic already.
pub(super) trait Before {
    /// The newest value of a row; empty: it has no record.
    fn value(&mut self, table: TableIndex, key: &Bytes) -> Result<Bytes>;

    /// The keys that have a value, all of which will be deleted.
    fn live_keys(&mut self, table: TableIndex) -> Result<Vec<Bytes>>;
}

/// The transaction that is under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    xid: u32,
    /// When it was committed, in microseconds since 1970.
    time_us: i64,
    /// Where the transaction before it ended.
    after: Lsn,
    /// It was taken over before.
    is_known: bool,
}

impl Open {
    fn time(&self) -> Timestamp {
        Timestamp(self.time_us.div_euclid(1000))
    }
}

/// Whole transactions, and perhaps the beginning of another, on their way into one commit.
#[derive(Debug, Default)]
pub(super) struct Assembly {
    open: Option<Open>,
    records: Vec<Vec<Record>>,
    /// The newest record of each key, for tables with large values.
    newest: HashMap<(TableIndex, Bytes), Option<Bytes>>,
    bytes: usize,
    /// How many changes of rows there are.
    pub(super) changes: u64,
    /// When the transaction that is under way came, in microseconds since 1970.
    now_us: i64,
    end: Option<Lsn>,
    pub(super) transactions: u64,
    /// When the newest of them was committed.
    pub(super) time: Option<Timestamp>,
    /// Tables that have other columns than when they were read.
    pub(super) changed: HashMap<TableIndex, Vec<(String, u32)>>,
    /// Tables with rows that lack a large value, since they were not read yet.
    pub(super) gaps: HashSet<TableIndex>,
}

impl Assembly {
    pub(super) fn new(tables: usize) -> Self {
        Self {
            records: vec![Vec::new(); tables],
            ..Self::default()
        }
    }

    /// Whether no transaction is under way.
    pub(super) fn is_whole(&self) -> bool {
        self.open.is_none()
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the last transaction ends; `None`: there is none.
    pub(super) fn end(&self) -> Option<Lsn> {
        self.end
    }

    /// Nothing was committed before this.
    pub(super) fn reach(&mut self, end: Lsn) {
        self.end = self.end.max(Some(end));
    }

    /// A transaction begins, of which all before `taken` was taken over.
    pub(super) fn begin(&mut self, xid: u32, time_us: i64, commit: Lsn, taken: Lsn) -> Result<()> {
        if self.open.is_some() {
            return Err(malformed("transaction: it has no end"));
        }
        self.now_us = now_us();
        self.open = Some(Open {
            xid,
            time_us: time_us.saturating_add(POSTGRES_EPOCH_US),
            after: self.end.unwrap_or(taken),
            is_known: commit < taken,
        });
        Ok(())
    }

    /// It ends.
    pub(super) fn commit(&mut self, end: Lsn) -> Result<()> {
        let open = self
            .open
            .take()
            .ok_or_else(|| malformed("transaction: it has no beginning"))?;
        if !open.is_known {
            self.transactions += 1;
            self.time = Some(open.time());
            self.reach(end);
        }
        Ok(())
    }

    /// Whether what comes was taken over before.
    pub(super) fn is_known(&self) -> bool {
        self.open.is_some_and(|open| open.is_known)
    }

    /// The records, for a commit.
    pub(super) fn take(&mut self, tables: &[Captured], mut into: Commit) -> Commit {
        for (records, table) in self.records.iter_mut().zip(tables) {
            if !records.is_empty() {
                into = into.append(table.topic.clone(), std::mem::take(records));
            }
        }
        let records = std::mem::take(&mut self.records);
        *self = Self {
            records,
            ..Self::default()
        };
        into
    }
}

/// A table as the stream describes it, and what its changes are put into.
pub(super) struct Target<'a> {
    pub(super) assembly: &'a mut Assembly,
    pub(super) touched: &'a mut Touched,
    pub(super) table: TableIndex,
    pub(super) form: &'a Form,
    pub(super) has_large: bool,
    /// Whether rows of it are still being read.
    pub(super) is_read: bool,
    /// Where the change lies in the server's log.
    pub(super) place: Lsn,
}

impl Target<'_> {
    /// A new row.
    pub(super) fn insert(&mut self, new: &[Cell]) -> Result<()> {
        let shape = &self.form.shape;
        let (key, row) = (shape.key(new)?, shape.value(new, b"")?);
        self.note(&key, Some(&row))?;
        self.push(Change::Inserted { key, row })
    }

    /// A row that is another one now.
    pub(super) fn update(
        &mut self,
        old: Option<&[Cell]>,
        mut new: Vec<Cell>,
        before: &mut dyn Before,
    ) -> Result<()> {
        let shape = &self.form.shape;
        // A whole old row has everything that the change left as it was.
        let whole = old.filter(|old| !old.contains(&Cell::Unchanged) && shape.is_whole(old));
        if let Some(old) = whole.filter(|old| old.len() == new.len()) {
            for (cell, old) in new.iter_mut().zip(old) {
                if *cell == Cell::Unchanged {
                    *cell = old.clone();
                }
            }
        }
        let key = shape.key(&new)?;
        let old_key = old.map(|old| shape.key(old)).transpose()?;
        let old_key = old_key.unwrap_or_else(|| key.clone());
        let row = match new.contains(&Cell::Unchanged) {
            false => shape.value(&new, b"")?,
            true => self.completed(&old_key, &new, before)?,
        };
        if old_key == key {
            self.note(&key, Some(&row))?;
            let whole = whole.filter(|_| self.form.has_before());
            let before = whole.map(|old| shape.value(old, b"")).transpose()?;
            return self.push(Change::Updated { key, before, row });
        }
        self.note(&old_key, None)?;
        self.note(&key, Some(&row))?;
        let before = self.form.before(old.unwrap_or_default())?;
        self.push(Change::Moved {
            old_key,
            before,
            key,
            row,
        })
    }

    /// A row with the large values that a change left as they were.
    fn completed(
        &mut self,
        old_key: &Bytes,
        new: &[Cell],
        before: &mut dyn Before,
    ) -> Result<Bytes> {
        let known = self.assembly.newest.get(&(self.table, old_key.clone()));
        let known = match known {
            Some(known) => known.clone().unwrap_or_default(),
            None => before.value(self.table, old_key)?,
        };
        // The backfill has not come to it. It goes over the table again: what the table has now may be the value of
        // another row by then.
        if self.is_read && !self.form.shape.completes(new, &known) {
            self.assembly.gaps.insert(self.table);
        }
        self.form.shape.value(new, &known)
    }

    /// A row that is gone.
    pub(super) fn delete(&mut self, old: &[Cell]) -> Result<()> {
        let key = self.form.shape.key(old)?;
        self.note(&key, None)?;
        let before = self.form.before(old)?;
        self.push(Change::Deleted { key, before })
    }

    /// All rows are gone.
    pub(super) fn truncate(&mut self, before: &mut dyn Before) -> Result<()> {
        let mut live: HashSet<Bytes> = before.live_keys(self.table)?.into_iter().collect();
        for record in &self.assembly.records[self.table] {
            let key = record.key.as_deref().unwrap_or_default();
            let key = Bytes::copy_from_slice(self.form.key_of(key));
            match self.form.row_of(record.value.as_deref()) {
                Some(_) => live.insert(key),
                None => live.remove(&key),
            };
        }
        let mut live: Vec<Bytes> = live.into_iter().collect();
        live.sort_unstable();
        if self.is_read {
            let xid = self.open()?.xid;
            self.touched.truncate(self.table, xid);
        }
        live.into_iter().try_for_each(|key| {
            self.note(&key, None)?;
            let before = self.form.before_of_key(&key);
            self.push(Change::Deleted { key, before })
        })
    }

    fn open(&self) -> Result<Open> {
        let open = self.assembly.open;
        open.ok_or_else(|| malformed("change outside of a transaction"))
    }

    /// What a key has now.
    fn note(&mut self, key: &Bytes, row: Option<&Bytes>) -> Result<()> {
        if self.is_read {
            let xid = self.open()?.xid;
            self.touched.touch(self.table, key.clone(), xid);
        }
        if self.has_large {
            let at = (self.table, key.clone());
            self.assembly.newest.insert(at, row.cloned());
        }
        Ok(())
    }

    fn push(&mut self, change: Change) -> Result<()> {
        let open = self.open()?;
        let origin = Origin {
            xid: Some(open.xid),
            lsn: self.place.0,
            after: open.after.0,
            time_us: open.time_us,
            now_us: self.assembly.now_us,
        };
        for record in self.form.records(change, &origin) {
            let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
            self.assembly.bytes += len(&record.key) + len(&record.value);
            self.assembly.records[self.table].push(Record {
                timestamp: Some(open.time()),
                ..record
            });
        }
        self.assembly.changes += 1;
        Ok(())
    }
}
