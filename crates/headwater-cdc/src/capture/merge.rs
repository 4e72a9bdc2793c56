//! The backfill: which readings are handed out, and how what they found gets into the topics.

use std::collections::HashMap;

use headwater_log::{HeaderBuf, KeyedCommit, Log, Result};

use super::form::Form;
use super::place::Place;
use super::rows::Rows;
use super::server::{Progress, Put, Reading, Server, TableIndex, Task};
use super::setup::Captured;
use super::state;
use super::touched::Touched;
use crate::debezium::Origin;

/// What was handed out of a table.
type HandedOf<S> = <<S as Server>::Progress as Progress>::Handed;

/// The readings of a capture.
#[derive(Debug)]
pub(super) struct Backfills<S: Server> {
    /// How much is read at once.
    range: u32,
    /// How many are out at most: they wait in memory for the stream.
    most: usize,
    out: usize,
    handed: HashMap<TableIndex, HandedOf<S>>,
    /// Readings that the stream has not reached.
    waiting: Vec<Reading<S>>,
}

impl<S: Server> Backfills<S> {
    pub(super) fn new(range: u32, most: usize) -> Self {
        Self {
            range: range.max(1),
            most: most.max(1),
            out: 0,
            handed: HashMap::new(),
            waiting: Vec::new(),
        }
    }

    /// The next reading, if there is one and it is time.
    pub(super) fn next(
        &mut self,
        tables: &[Captured<S>],
        touched: &mut Touched<S>,
    ) -> Option<Task<S>> {
        if self.out >= self.most {
            return None;
        }
        let open = tables.iter().map(|t| &t.backfill).enumerate();
        let mut open = open.filter(|(_, backfill)| !backfill.done);
        let (table, range) = open.find_map(|(at, backfill)| {
            let handed = self.handed.entry(at).or_default();
            Some((at, backfill.progress.next(handed, self.range)?))
        })?;
        self.out += 1;
        Some(Task {
            number: touched.hand_out(),
            table,
            range,
        })
    }

    /// A reading has come.
    pub(super) fn came(&mut self, reading: Reading<S>) {
        self.waiting.push(reading);
    }

    /// A reading that the stream has reached.
    pub(super) fn reached(&mut self, seen: &Place) -> Option<Reading<S>> {
        let at = self.waiting.iter().position(|r| seen.reaches(&r.high))?;
        self.out -= 1;
        Some(self.waiting.swap_remove(at))
    }

    /// What a reading changes: a commit without conditions, and how many rows are in it. `None`: the table was begun
    /// anew since.
    ///
    /// # Errors
    /// `NotFound` if the topic is gone, `Invalid` if a row is too large, `Bug`.
    pub(super) fn put<'l>(
        &mut self,
        log: &'l Log,
        reading: Reading<S>,
        captured: &mut Captured<S>,
        touched: &mut Touched<S>,
    ) -> Result<Option<(KeyedCommit<'l>, u64)>> {
        let Task {
            number,
            table,
            range,
        } = reading.task;
        let snapshot = reading.snapshot;
        let backfill = &mut captured.backfill;
        let handed = self.handed.entry(table).or_default();
        let put = match backfill.done {
            true => Put::Stale,
            false => backfill.progress.put(range, reading.found, handed),
        };
        let is_newest = |key: &[u8]| touched.is_newest(table, key, &snapshot);
        let rows = match put {
            Put::Rows(found) => Some(found),
            Put::Restart => Some(Rows::default()),
            Put::Stale => None,
        };
        let commit = rows.map(|rows| {
            let topic = &captured.topic.topic;
            let mut commit = log.keyed_commit(topic, rows.bytes())?;
            let count = put_rows(&captured.form, &rows, is_newest, &reading.high, &mut commit)?;
            Ok((commit, count))
        });
        touched.done(number, &snapshot);
        let Some((mut commit, count)) = commit.transpose()? else {
            return Ok(None);
        };
        let is_whole = backfill.progress.is_whole();
        backfill.done = is_whole && !backfill.has_gaps;
        if is_whole && backfill.has_gaps {
            (backfill.progress, backfill.has_gaps) = (S::Progress::default(), false);
            self.handed.remove(&table);
        }
        let stored = state::store(backfill)?.into();
        commit.position(captured.owner.clone(), Some(stored));
        Ok(Some((commit, count)))
    }
}

/// Puts the rows that are the newest into a commit; gives how many there are.
fn put_rows(
    form: &Form,
    rows: &Rows,
    is_newest: impl Fn(&[u8]) -> bool,
    high: &Place,
    into: &mut KeyedCommit<'_>,
) -> Result<u64> {
    let (origin, headers) = (Origin::of_reading(high.origin()), HeaderBuf::default());
    let mut count = 0;
    for (key, row) in rows.iter().filter(|(key, _)| is_newest(key)) {
        form.put_read(key, row, &origin, |key, value| {
            into.push(key, value, &headers)
        })?;
        count += 1;
    }
    Ok(count)
}
