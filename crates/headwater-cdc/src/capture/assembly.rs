//! The changes of transactions become the records of one commit. It decides nothing about I/O: what is in a topic already is
//! asked for through [`Before`].

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use headwater_log::{Commit, Error, ErrorKind, Record, Result, Timestamp};

use super::form::{Change, Form};
use super::place::Place;
use super::server::{Server, Snapshot, TableIndex};
use super::setup::Captured;
use super::state::Part;
use super::told::Telling;
use super::touched::Touched;
use crate::debezium::{Order, Origin, OriginPlace, Told};
use crate::filter::Operations;

/// What a record takes besides its key and value.
const RECORD_BYTES: usize = 128;

/// What tells a transaction of a kind of server.
pub(super) type MarkOf<S> = <<S as Server>::Snapshot as Snapshot>::Mark;

/// Asked for what is in a topic already.
pub(crate) trait Before {
    /// The newest value of a row; empty: it has no record.
    fn value(&mut self, table: TableIndex, key: &Bytes) -> Result<Bytes>;

    /// The keys that have a value, all of which will be deleted.
    fn live_keys(&mut self, table: TableIndex) -> Result<Vec<Bytes>>;
}

/// A transaction of the stream.
#[derive(Debug, Clone)]
pub(crate) struct Transaction<M> {
    /// What tells it.
    pub(crate) mark: M,
    /// When it was committed.
    pub(crate) time: Timestamp,
    /// Where its commit lies.
    pub(crate) commit: Place,
    /// It was taken over before.
    pub(crate) is_known: bool,
}

/// The transaction that is under way.
#[derive(Debug, Clone)]
struct Open<M> {
    transaction: Transaction<M>,
    /// It is known to be too large for one commit.
    is_large: bool,
    /// How many of its changes have come.
    changes: u64,
    /// How many of them were taken over before.
    taken_over: u64,
    /// How many events of which table there are.
    told: Told,
}

/// The newest row of each key among the records of a table; `None`: it is gone.
#[derive(Debug, Default)]
struct Newest {
    rows: HashMap<Bytes, Option<Bytes>>,
    /// How many records were looked at.
    seen: usize,
}

/// Whole transactions, and perhaps the beginning of another, on their way into one commit.
#[derive(Debug)]
pub(crate) struct Assembly<S: Server> {
    open: Option<Open<MarkOf<S>>>,
    records: Vec<Vec<Record>>,
    /// Messages of applications.
    pub(super) messages: Vec<Record>,
    /// What is told of transactions; `None`: nothing.
    telling: Option<Telling>,
    /// The newest row of each key, of tables that were asked for one.
    newest: HashMap<TableIndex, Newest>,
    bytes: usize,
    /// How many changes of rows there are.
    pub(super) changes: u64,
    end: Option<Place>,
    /// Where a stream that begins anew is to begin, if that is before the end.
    pub(super) resume: Option<Place>,
    pub(super) transactions: u64,
    /// When the newest of them was committed.
    pub(super) time: Option<Timestamp>,
    /// Tables that have other columns than when they were read.
    pub(super) changed: HashMap<TableIndex, Vec<(String, S::Type)>>,
    /// Tables of which there is more to be read than was known.
    pub(super) extended: HashMap<TableIndex, S::Progress>,
    /// Tables that are others than when they were read, or whose rows are identified otherwise.
    pub(super) replaced: HashSet<TableIndex>,
    /// Tables with rows that lack a large value, since they were not read yet.
    pub(super) gaps: HashSet<TableIndex>,
}

impl<S: Server> Assembly<S> {
    pub(super) fn new(tables: usize, telling: Option<Telling>) -> Self {
        Self {
            open: None,
            records: vec![Vec::new(); tables],
            messages: Vec::new(),
            telling,
            newest: HashMap::new(),
            bytes: 0,
            changes: 0,
            end: None,
            resume: None,
            transactions: 0,
            time: None,
            changed: HashMap::new(),
            extended: HashMap::new(),
            replaced: HashSet::new(),
            gaps: HashSet::new(),
        }
    }

    /// Whether no transaction is under way.
    pub(crate) fn is_whole(&self) -> bool {
        self.open.is_none()
    }

    /// About how many bytes it takes.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Where the last transaction ends; `None`: there is none.
    pub(super) fn end(&self) -> Option<&Place> {
        self.end.as_ref()
    }

    /// A message of an application, which is no change of a row.
    pub(crate) fn message(&mut self, record: Record) {
        let value = record.value.as_ref();
        self.bytes += RECORD_BYTES + value.map_or(0, Bytes::len);
        self.messages.push(Record {
            timestamp: self.open.as_ref().map(|open| open.transaction.time),
            ..record
        });
    }

    /// Nothing was committed before this.
    pub(super) fn reach(&mut self, end: Place) {
        self.end = Some(Place::latest(self.end.take(), end));
    }

    /// A transaction begins, of which this was taken over before.
    pub(super) fn begin(
        &mut self,
        transaction: Transaction<MarkOf<S>>,
        taken_over: Option<Part>,
    ) -> Result<()> {
        if self.open.is_some() {
            return Err(torn("it has no end"));
        }
        let (taken_over, told) = match taken_over {
            Some(part) => (part.changes, part.told),
            None => (0, Told::default()),
        };
        self.open = Some(Open {
            transaction,
            is_large: false,
            changes: 0,
            taken_over,
            told,
        });
        Ok(())
    }

    /// It ends.
    pub(crate) fn commit(&mut self, end: Place) -> Result<()> {
        let open = self.open.take();
        let open = open.ok_or_else(|| torn("it has no beginning"))?;
        let transaction = open.transaction;
        if !transaction.is_known {
            if let Some(telling) = &mut self.telling {
                telling.end(&open.told, &end, transaction.time);
            }
            self.transactions += 1;
            self.time = Some(transaction.time);
            self.reach(end);
        }
        Ok(())
    }

    /// Of the transaction that is under way come so many events of a table: where the first of them stands.
    pub(crate) fn order(
        &mut self,
        table: &str,
        events: u64,
        place: &OriginPlace,
    ) -> Option<Box<Order>> {
        let (telling, open) = (self.telling.as_mut()?, self.open.as_mut()?);
        telling.begin(&open.told, place, open.transaction.time);
        Some(Box::new(open.told.next(table, events, place)))
    }

    /// Whether what comes was taken over before.
    pub(crate) fn is_known(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.transaction.is_known)
    }

    /// The transaction that is under way is too large for one commit.
    pub(crate) fn set_large(&mut self) {
        if let Some(open) = &mut self.open {
            open.is_large = true;
        }
    }

    /// Whether what comes is known to be too large for one commit.
    pub(super) fn is_large(&self) -> bool {
        self.open.as_ref().is_some_and(|open| open.is_large)
    }

    /// A change comes: whether it was taken over before.
    pub(crate) fn is_taken_over(&mut self) -> bool {
        self.open.as_mut().is_some_and(|open| {
            open.changes += 1;
            open.transaction.is_known || open.changes <= open.taken_over
        })
    }

    /// Whether the change that comes next was taken over before with others of its transaction, and so was what is said of its table.
    pub(crate) fn is_passing(&self) -> bool {
        let open = self.open.as_ref();
        open.is_some_and(|open| open.changes < open.taken_over)
    }

    /// What has come of the transaction that is under way.
    pub(super) fn part(&self) -> Option<Part> {
        let open = self.open.as_ref()?;
        Some(Part {
            commit: open.transaction.commit.clone(),
            changes: open.changes,
            told: open.told.clone(),
        })
    }

    /// The records, for a commit. A transaction that is under way goes on.
    pub(super) fn take(&mut self, tables: &[Captured<S>], mut into: Commit) -> Commit {
        for (records, table) in self.records.iter_mut().zip(tables) {
            if !records.is_empty() {
                into = into.append(table.topic.clone(), std::mem::take(records));
            }
        }
        *self = Self {
            open: self.open.take(),
            resume: self.resume.take(),
            ..Self::new(self.records.len(), self.telling.take())
        };
        if let Some((topic, records)) = self.telling.as_mut().and_then(Telling::take) {
            into = into.append(topic, records);
        }
        into
    }
}

fn torn(what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("the server sent a malformed transaction: {what}"),
    )
}

/// A table as the stream describes it, and what its changes are put into.
pub(crate) struct Target<'a, S: Server> {
    pub(super) assembly: &'a mut Assembly<S>,
    pub(super) touched: &'a mut Touched<S>,
    pub(crate) table: TableIndex,
    pub(super) name: &'a str,
    pub(crate) form: &'a Form,
    pub(super) origin: Origin,
    /// Whether the row lacks a large value that is not known.
    pub(super) lacks: bool,
    /// Whether rows of it are still being read.
    pub(crate) is_read: bool,
    /// Changes that are not taken over. The backfill does not hear of them either: what it has read counts.
    pub(super) skipped: Operations,
}

impl<S: Server> Target<'_, S> {
    /// What the transactions that are not in the topic yet have made of a row: nothing, a value, or a deletion.
    pub(crate) fn newest(&mut self, key: &Bytes) -> Option<Option<Bytes>> {
        let Assembly {
            records, newest, ..
        } = &mut *self.assembly;
        let (records, newest) = (&records[self.table], newest.entry(self.table).or_default());
        for record in &records[newest.seen..] {
            let key = record
                .key
                .as_ref()
                .map(|key| key.slice_ref(self.form.key_of(key)));
            let value = record.value.as_ref();
            let row = value.and_then(|v| Some(v.slice_ref(self.form.row_of(Some(v))?)));
            newest.rows.insert(key.unwrap_or_default(), row);
        }
        newest.seen = records.len();
        newest.rows.get(key).cloned()
    }

    /// A row lacks a large value. The backfill has not come to it and goes over the table again: what the table has now
    /// may be the value of another row by then.
    pub(crate) fn lacks_value(&mut self) {
        self.assembly.gaps.insert(self.table);
        self.lacks = true;
    }

    /// All rows are gone, if that is taken over.
    pub(crate) fn truncate(&mut self, before: &mut dyn Before) -> Result<()> {
        match self.skipped.truncated {
            true => Ok(()),
            false => self.empty(before),
        }
    }

    /// All rows are gone.
    pub(crate) fn empty(&mut self, before: &mut dyn Before) -> Result<()> {
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
            let mark = self.transaction()?.mark.clone();
            self.touched.truncate(self.table, mark);
        }
        live.into_iter().try_for_each(|key| {
            let before = self.form.before_of_key(&key);
            self.write(Change::Deleted { key, before })
        })
    }

    fn transaction(&self) -> Result<&Transaction<MarkOf<S>>> {
        let open = self.assembly.open.as_ref().map(|open| &open.transaction);
        open.ok_or_else(|| torn("a change outside of it"))
    }

    /// A row has changed.
    pub(crate) fn put(&mut self, change: Change) -> Result<()> {
        match change.is_among(self.skipped) {
            true => Ok(()),
            false => self.write(change),
        }
    }

    fn write(&mut self, change: Change) -> Result<()> {
        let time = self.transaction()?.time;
        match &change {
            _ if !self.is_read => {}
            Change::Moved { old_key, key, .. } => {
                self.touch(old_key)?;
                self.touch(key)?;
            }
            Change::Read { key, .. }
            | Change::Inserted { key, .. }
            | Change::Updated { key, .. }
            | Change::Deleted { key, .. } => self.touch(key)?,
        }
        let (events, place) = (change.events(), &self.origin.place);
        self.origin.order = self.assembly.order(self.name, events, place);
        for record in self.form.records(change, &self.origin) {
            let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
            self.assembly.bytes += RECORD_BYTES + len(&record.key) + len(&record.value);
            self.assembly.records[self.table].push(Record {
                timestamp: Some(time),
                ..record
            });
        }
        self.assembly.changes += 1;
        Ok(())
    }

    /// A row is another one than may be read beside the stream.
    fn touch(&mut self, key: &Bytes) -> Result<()> {
        let mark = self.transaction()?.mark.clone();
        self.touched
            .touch(self.table, key.clone(), mark, self.lacks);
        Ok(())
    }
}
