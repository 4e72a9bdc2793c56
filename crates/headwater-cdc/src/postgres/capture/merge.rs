//! The backfill: which readings are handed out, and how what they found gets into the topics.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use headwater_log::{Commit, Record, Result};

use super::blocks::Blocks;
use super::form::{Change, Form, now_us};
use super::reading::{Found, Reading, Task, What};
use super::setup::Captured;
use super::state::{self, Backfill, Part};
use super::touched::{TableIndex, Touched};
use crate::debezium::Origin;
use crate::postgres::Lsn;

/// The readings of a capture.
#[derive(Debug)]
pub(super) struct Backfills {
    range_blocks: u32,
    /// How many are out at most: they wait in memory for the stream.
    most: usize,
    out: usize,
    /// Blocks that were handed out or are done, by table and part.
    given: HashMap<(TableIndex, usize), Blocks>,
    /// Tables whose files were asked for.
    asked: HashSet<TableIndex>,
    /// Readings that the stream has not reached.
    waiting: Vec<Reading>,
}

impl Backfills {
    pub(super) fn new(range_blocks: u32, most: usize) -> Self {
        Self {
            range_blocks: range_blocks.max(1),
            most: most.max(1),
            out: 0,
            given: HashMap::new(),
            asked: HashSet::new(),
            waiting: Vec::new(),
        }
    }

    /// The next reading, if there is one and it is time.
    pub(super) fn next(&mut self, tables: &[Captured], touched: &mut Touched) -> Option<Task> {
        if self.out >= self.most {
            return None;
        }
        let mut next = tables.iter().enumerate();
        let (table, what) =
            next.find_map(|(at, table)| Some((at, self.what(at, &table.backfill)?)))?;
        self.out += 1;
        Some(Task {
            number: touched.hand_out(),
            table,
            what,
        })
    }

    fn what(&mut self, table: TableIndex, backfill: &Backfill) -> Option<What> {
        if backfill.done {
            return None;
        }
        let Some(parts) = &backfill.parts else {
            return self.asked.insert(table).then_some(What::Files);
        };
        parts.iter().enumerate().find_map(|(at, part)| {
            let given = self.given.entry((table, at));
            let given = given.or_insert_with(|| part.done.clone());
            let (from, to) = given.missing(part.blocks, self.range_blocks)?;
            given.add(from, to);
            Some(What::Blocks {
                part: at,
                table: part.table.clone(),
                file: part.file,
                from,
                to,
            })
        })
    }

    /// A reading has come.
    pub(super) fn came(&mut self, reading: Reading) {
        self.waiting.push(reading);
    }

    /// A reading that the stream has reached.
    pub(super) fn reached(&mut self, seen: Lsn) -> Option<Reading> {
        let at = self.waiting.iter().position(|r| r.high <= seen)?;
        self.out -= 1;
        Some(self.waiting.swap_remove(at))
    }

    /// Its table is read from the beginning.
    pub(super) fn restart(&mut self, table: TableIndex) {
        self.asked.remove(&table);
        self.given.retain(|(of, _), _| *of != table);
    }

    /// What a reading changes: a commit without conditions, and how many rows are in it. `None`: the table was begun
    /// anew since.
    ///
    /// # Errors
    /// `Bug`.
    pub(super) fn put(
        &mut self,
        reading: Reading,
        captured: &mut Captured,
        touched: &mut Touched,
    ) -> Result<Option<(Commit, usize)>> {
        let Task {
            number,
            table,
            what,
        } = reading.task;
        let snapshot = reading.snapshot;
        let mut rows = Vec::new();
        let backfill = &mut captured.backfill;
        match (reading.found, what) {
            (Found::Files(parts), _) if backfill.parts.is_none() && !backfill.done => {
                backfill.parts = Some(parts);
            }
            (Found::Rewritten, What::Blocks { part, file, .. })
                if is_file(backfill, part, file) =>
            {
                backfill.parts = None;
                self.restart(table);
            }
            (
                Found::Rows(found),
                What::Blocks {
                    part,
                    file,
                    from,
                    to,
                    ..
                },
            ) if is_file(backfill, part, file) => {
                let newest = |(key, _): &(_, _)| touched.is_newest(table, key, &snapshot);
                let found = found.into_iter().filter(newest);
                rows = records(&captured.plan.form, found, reading.high);
                if let Some(part) = part_mut(backfill, part) {
                    part.done.add(from, to);
                }
            }
            _ => {
                touched.done(number, &snapshot);
                return Ok(None);
            }
        }
        touched.done(number, &snapshot);
        backfill.done = backfill.is_whole() && !backfill.has_gaps;
        if backfill.is_whole() && backfill.has_gaps {
            (backfill.parts, backfill.has_gaps) = (None, false);
            self.restart(table);
        }
        let mut commit = Commit::new().position(captured.owner.clone(), state::store(backfill)?);
        let count = rows.len();
        if count > 0 {
            commit = commit.append(captured.topic.clone(), rows);
        }
        Ok(Some((commit, count)))
    }
}

fn records(form: &Form, found: impl Iterator<Item = (Bytes, Bytes)>, high: Lsn) -> Vec<Record> {
    let now_us = now_us();
    let origin = Origin {
        xid: None,
        lsn: high.0,
        after: high.0,
        time_us: now_us,
        now_us,
    };
    found
        .flat_map(|(key, row)| form.records(Change::Read { key, row }, &origin))
        .collect()
}

fn part_mut(backfill: &mut Backfill, part: usize) -> Option<&mut Part> {
    backfill.parts.as_mut()?.get_mut(part)
}

/// Whether a part still is this file.
fn is_file(backfill: &Backfill, part: usize, file: u32) -> bool {
    let parts = backfill.parts.as_ref();
    parts
        .and_then(|parts| parts.get(part))
        .is_some_and(|part| part.file == file)
}
