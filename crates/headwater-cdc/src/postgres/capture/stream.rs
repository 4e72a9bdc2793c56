//! One connection's life: what the server sends becomes commits, what was read is put between them, and what is
//! durable is confirmed.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_log::{Commit, Log, Result};

use super::form::Form;
use super::handle::Shared;
use super::merge::Backfills;
use super::readers::Readers;
use super::settings::Settings;
use super::setup::{Captured, Ready};
use super::state;
use super::status::{Phase, TableStatus};
use super::taken::{InTopics, Meaning, Taken};
use super::touched::{TableIndex, Touched};
use super::transaction::{Assembly, Before, Target};
use crate::postgres::catalog::Kinds;
use crate::postgres::failure::malformed;
use crate::postgres::shape::Shape;
use crate::postgres::{Lsn, Message, Received, Relation, Replication, Session, TableName};

/// How long nothing may come before it is looked whether to stop.
const WAIT: Duration = Duration::from_millis(100);
/// The same while something else is under way.
const SHORT_WAIT: Duration = Duration::from_millis(2);
/// Records that go into one commit, about, if more transactions are there at once.
const COMMIT_BYTES: usize = 1 << 20;
/// How often the position is stored while nothing of ours is committed, so that the server can let go of its log.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// Why a connection's life ended without an error.
pub(super) enum Ended {
    /// It was told to stop.
    Stopped,
    /// Tables have other columns: begin again.
    Changed,
}

/// A connection that streams.
pub(super) struct Stream<'a> {
    settings: &'a Settings,
    shared: &'a Shared,
    control: Session,
    replication: Replication,
    kinds: Kinds,
    tables: Vec<Captured>,
    relations: HashMap<u32, Option<(TableIndex, Arc<Form>)>>,
    taken: Taken,
    assembly: Assembly,
    touched: Touched,
    backfills: Backfills,
    readers: Option<Readers>,
    /// Everything that was committed before this has come.
    seen: Lsn,
    stored_at: Instant,
}

impl<'a> Stream<'a> {
    pub(super) fn new(
        log: &Log,
        settings: &'a Settings,
        shared: &'a Shared,
        ready: Ready,
    ) -> Result<Self> {
        let is_read = ready.tables.iter().any(|t| !t.backfill.done);
        let plans = ready.tables.iter().map(|t| Arc::clone(&t.plan)).collect();
        let start = || Readers::start(&settings.address, plans, ready.horizon, settings.readers);
        let stream = Self {
            readers: is_read.then(start).transpose()?,
            assembly: Assembly::new(ready.tables.len()),
            taken: Taken::new(log, &settings.slot, ready.position, ready.end),
            settings,
            shared,
            control: ready.control,
            replication: ready.replication,
            kinds: ready.kinds,
            tables: ready.tables,
            relations: HashMap::new(),
            touched: Touched::default(),
            backfills: Backfills::new(settings.range_blocks, settings.readers * 2),
            seen: Lsn::default(),
            stored_at: Instant::now(),
        };
        shared.tell(|status| {
            status.phase = Phase::Streaming;
            status.durable = stream.taken.durable();
            status.tables = stream.tables.iter().map(status_of).collect();
        });
        Ok(stream)
    }

    /// Runs until something ends it.
    ///
    /// # Errors
    /// `Unavailable` to begin again; anything else to stop.
    pub(super) fn run(&mut self) -> Result<Ended> {
        loop {
            if self.shared.is_stopped() {
                self.taken.drain()?;
                self.settle()?;
                return Ok(Ended::Stopped);
            }
            let waits = self.readers.is_some() || self.taken.is_busy();
            let wait = if waits { SHORT_WAIT } else { WAIT };
            let received = self.replication.receive(wait)?;
            match received {
                Received::Message(message) => self.message(message)?,
                Received::Reached(reached) => self.reached(reached)?,
                Received::Nothing => self.replication.confirm(self.taken.durable(), true)?,
            }
            if self.assembly.is_whole() {
                let is_due = !self.replication.has_more() || self.assembly.bytes() >= COMMIT_BYTES;
                if is_due && self.flush()? {
                    self.taken.drain()?;
                    return Ok(Ended::Changed);
                }
                // What was streamed before a reading comes before it.
                if self.assembly.end().is_none() {
                    self.read()?;
                }
            }
            self.settle()?;
        }
    }

    fn reached(&mut self, reached: Lsn) -> Result<()> {
        if !self.assembly.is_whole() {
            return Ok(());
        }
        self.seen = self.seen.max(reached);
        // What others did to the server's log must not be kept for us.
        let is_idle = self.assembly.end().is_none() && !self.taken.is_busy();
        let wanted = self.shared.wants(self.taken.end(), reached);
        if is_idle
            && reached > self.taken.end()
            && (wanted || self.stored_at.elapsed() >= IDLE_INTERVAL)
        {
            self.assembly.reach(reached);
            self.flush()?;
        }
        Ok(())
    }

    fn message(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Begin { commit, time, xid } => {
                let taken = self.taken.end();
                self.assembly.begin(xid, time, commit, taken)
            }
            Message::Commit { end } => {
                self.seen = self.seen.max(end);
                self.assembly.commit(end)
            }
            Message::Relation(relation) => self.relation(&relation),
            Message::Other => Ok(()),
            _ if self.assembly.is_known() => Ok(()),
            Message::Insert { relation, new } => {
                self.change(relation, |target, _| target.insert(&new))
            }
            Message::Update { relation, old, new } => self.change(relation, |target, before| {
                target.update(old.as_deref(), new, before)
            }),
            Message::Delete { relation, old } => {
                self.change(relation, |target, _| target.delete(&old))
            }
            Message::Truncate { relations } => relations.into_iter().try_for_each(|relation| {
                self.change(relation, |target, before| target.truncate(before))
            }),
        }
    }

    fn relation(&mut self, relation: &Relation) -> Result<()> {
        let name = TableName::new(&relation.schema, &relation.name);
        let found = self.tables.iter().position(|t| t.table.name == name);
        let known = match found {
            None => None,
            Some(at) => {
                let table = &self.tables[at];
                let shape =
                    Shape::of_relation(relation, &table.table, &mut self.kinds, &mut self.control)?;
                let columns = relation.columns.iter().map(|c| (c.name.clone(), c.type_id));
                let columns: Vec<_> = columns.collect();
                if !self.assembly.is_known() {
                    match columns == table.backfill.columns {
                        true => drop(self.assembly.changed.remove(&at)),
                        false => drop(self.assembly.changed.insert(at, columns)),
                    }
                }
                Some((at, Arc::new(Form::new(shape, &name, self.settings))))
            }
        };
        self.relations.insert(relation.id, known);
        Ok(())
    }

    fn change(
        &mut self,
        relation: u32,
        change: impl FnOnce(&mut Target<'_>, &mut dyn Before) -> Result<()>,
    ) -> Result<()> {
        let known = self.relations.get(&relation);
        let Some((table, form)) = known.ok_or_else(|| malformed("change: its table is unknown"))?
        else {
            return Ok(());
        };
        let (table, form) = (*table, Arc::clone(form));
        let mut target = Target {
            assembly: &mut self.assembly,
            touched: &mut self.touched,
            table,
            form: &form,
            place: self.replication.place(),
            has_large: self.tables[table].has_large,
            is_read: !self.tables[table].backfill.done,
        };
        let mut before = InTopics {
            taken: &mut self.taken,
            tables: &self.tables,
        };
        change(&mut target, &mut before)
    }

    /// Commits what is whole; gives whether tables have other columns now.
    fn flush(&mut self) -> Result<bool> {
        let Some(end) = self.assembly.end() else {
            return Ok(false);
        };
        let mut commit = Commit::new();
        let changed = std::mem::take(&mut self.assembly.changed);
        let gaps = std::mem::take(&mut self.assembly.gaps);
        let has_changed = !changed.is_empty();
        let mut stale: BTreeSet<TableIndex> = gaps.iter().copied().collect();
        for (at, columns) in changed {
            self.tables[at].backfill = state::Backfill {
                columns,
                done: !self.settings.backfills,
                ..state::Backfill::default()
            };
            stale.insert(at);
        }
        for at in stale {
            let table = &mut self.tables[at];
            table.backfill.has_gaps |= gaps.contains(&at) && !table.backfill.done;
            commit = commit.position(table.owner.clone(), state::store(&table.backfill)?);
        }
        let changes = self.assembly.changes;
        let (time, transactions) = (self.assembly.time, self.assembly.transactions);
        let commit = self.assembly.take(&self.tables, commit);
        self.stored_at = Instant::now();
        self.taken.send(
            commit,
            end,
            Meaning {
                time,
                transactions,
                changes,
                finished: None,
            },
        )?;
        Ok(has_changed)
    }

    /// Hands readings out and puts in what the stream has reached.
    fn read(&mut self) -> Result<()> {
        let Some(readers) = &self.readers else {
            return Ok(());
        };
        while let Some(reading) = readers.next()? {
            self.backfills.came(reading);
        }
        while let Some(task) = self.backfills.next(&self.tables, &mut self.touched) {
            readers.hand_out(task);
        }
        while let Some(reading) = self.backfills.reached(self.seen) {
            let at = reading.task.table;
            let put = self
                .backfills
                .put(reading, &mut self.tables[at], &mut self.touched)?;
            let Some((commit, rows)) = put else {
                continue;
            };
            let backfill = &self.tables[at].backfill;
            let meaning = Meaning {
                finished: backfill.done.then_some(at),
                ..Meaning::default()
            };
            let (done, all) = backfill.blocks();
            self.taken.send(commit, self.taken.end(), meaning)?;
            self.shared.tell(|status| {
                let table = &mut status.tables[at];
                (table.blocks_done, table.blocks) = (done, all);
                table.rows += rows as u64;
            });
        }
        if self.tables.iter().all(|t| t.backfill.done) {
            self.readers = None;
            self.touched.clear();
        }
        Ok(())
    }

    /// Takes note of what became durable, and confirms it.
    fn settle(&mut self) -> Result<()> {
        let done = self.taken.settled()?;
        if done.is_empty() {
            return Ok(());
        }
        let durable = self.taken.durable();
        self.replication.confirm(durable, false)?;
        let server_end = self.replication.server_end();
        self.shared.tell(|status| {
            status.durable = durable;
            status.server_end = status.server_end.max(server_end);
            for meaning in done {
                status.committed_ms = meaning.time.map(|t| t.0).or(status.committed_ms);
                status.transactions += meaning.transactions;
                status.changes += meaning.changes;
                if let Some(table) = meaning.finished {
                    status.tables[table].is_done = true;
                }
            }
        });
        Ok(())
    }
}

fn status_of(captured: &Captured) -> TableStatus {
    let (blocks_done, blocks) = captured.backfill.blocks();
    TableStatus {
        name: captured.table.name.clone(),
        topic: captured.topic.topic.clone(),
        blocks_done,
        blocks,
        rows: 0,
        is_done: captured.backfill.done,
    }
}
