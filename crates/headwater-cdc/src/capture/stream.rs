//! One connection's life: what the server sends becomes commits, what was read is put between them, and what is
//! durable is confirmed.

mod wishes;

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use headwater_log::{Commit, Error, Log, Result, TopicPartition};

use super::assembly::Assembly;
use super::beats::Beats;
use super::handle::Shared;
use super::merge::Backfills;
use super::place::Place;
use super::readers::Readers;
use super::server::{Feed, Heard, Intake, Progress, Reads, Server, TableIndex};
use super::setup::{Captured, Ready};
use super::state::{self, Backfill};
use super::status::{Phase, TableStatus};
use super::taken::{Meaning, Taken};
use super::touched::Touched;
use crate::filter::Operations;

/// How long nothing may come before it is looked whether to stop.
const WAIT: Duration = Duration::from_millis(100);
/// The same while something else is under way.
const SHORT_WAIT: Duration = Duration::from_millis(2);
/// Records that go into one commit, about, if more transactions are there at once.
const COMMIT_BYTES: usize = 1 << 20;
/// Records of a transaction that are one commit, about, once it is known that it is too large for one.
const PIECE_BYTES: usize = 4 << 20;
/// How long what is whole waits at most for more of a backlog.
const GATHERING: Duration = Duration::from_millis(20);
/// How often the position is stored while nothing of ours is committed, so that the server can let go of its log.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// Why a connection's life ended without an error.
pub(super) enum Ended {
    /// It was told to stop.
    Stopped,
    /// Tables have other columns: begin again.
    Changed,
    /// Values are to come as texts: begin again.
    AsText,
    /// The tables are read, and that was all.
    Over,
    /// Changes are lost: what is to be said of it.
    Lost(Error),
}

/// A connection that streams.
pub(super) struct Stream<'a, F: Feed, R: Reads<Server = F::Server>> {
    shared: &'a Shared,
    feed: F,
    tables: Vec<Captured<F::Server>>,
    /// Bytes of records that one commit has at most, about.
    whole_bytes: usize,
    /// Changes that are not taken over.
    skipped: Operations,
    /// Where messages of applications are put.
    messages: Option<TopicPartition>,
    beats: Option<Beats>,
    ends_when_read: bool,
    taken: Taken,
    assembly: Assembly<F::Server>,
    touched: Touched<F::Server>,
    backfills: Backfills<F::Server>,
    readers: Option<Readers<R>>,
    /// Everything that was committed before this has come; `None`: the server has not said where it is.
    seen: Option<Place>,
    stored_at: Instant,
    /// When the first transaction was whole that is not committed yet.
    since: Option<Instant>,
}

impl<'a, F: Feed, R: Reads<Server = F::Server>> Stream<'a, F, R> {
    pub(super) fn new(
        log: &Log,
        name: &str,
        shared: &'a Shared,
        ready: Ready<F, R>,
    ) -> Result<Self> {
        let is_read = ready.tables.iter().any(|t| !t.backfill.done);
        let start = || Readers::start(ready.reads, ready.readers);
        let stream = Self {
            readers: is_read.then(start).transpose()?,
            assembly: Assembly::new(ready.tables.len(), ready.telling),
            taken: Taken::new(log, name, ready.position, ready.end),
            shared,
            feed: ready.feed,
            tables: ready.tables,
            whole_bytes: ready.whole_bytes,
            skipped: ready.skipped,
            messages: ready.messages,
            beats: ready.beats,
            ends_when_read: ready.ends_when_read,
            touched: Touched::default(),
            backfills: Backfills::new(ready.range, ready.readers * 2),
            seen: None,
            stored_at: Instant::now(),
            since: None,
        };
        shared.tell(|status| {
            status.phase = Phase::Streaming;
            status.durable = Some(stream.taken.durable().clone());
            status.is_paused = stream.taken.is_paused();
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
            let reads = self.readers.is_some() && !self.taken.is_paused();
            let waits = reads || self.taken.is_busy() || self.since.is_some();
            let wait = if waits { SHORT_WAIT } else { WAIT };
            let intake = Intake {
                assembly: &mut self.assembly,
                touched: &mut self.touched,
                tables: &self.tables,
                taken: &mut self.taken,
                skipped: self.skipped,
            };
            match self.feed.hear(wait, intake)? {
                Heard::Something => self.progress(),
                Heard::Reached(reached) => self.reached(reached)?,
                Heard::Lost(why) => {
                    self.taken.drain()?;
                    return Ok(Ended::Lost(why));
                }
                Heard::Changed => {
                    self.taken.drain()?;
                    return Ok(Ended::Changed);
                }
                Heard::AsText => {
                    self.taken.drain()?;
                    return Ok(Ended::AsText);
                }
                Heard::Nothing => self.feed.confirm(self.taken.durable(), true)?,
            }
            if self.assembly.is_whole() {
                if self.is_due() && self.flush()? {
                    self.taken.drain()?;
                    return Ok(Ended::Changed);
                }
                // What was streamed before a reading comes before it.
                if self.assembly.end().is_none() {
                    if self.obey()? {
                        self.taken.drain()?;
                        return Ok(Ended::Changed);
                    }
                    self.beat()?;
                    self.read()?;
                    if self.ends_when_read && self.readers.is_none() {
                        self.taken.drain()?;
                        self.settle()?;
                        return Ok(Ended::Over);
                    }
                }
            } else if self.assembly.bytes() >= self.piece_bytes() && self.flush()? {
                self.taken.drain()?;
                return Ok(Ended::Changed);
            }
            self.settle()?;
        }
    }

    /// What was heard may have ended a transaction.
    fn progress(&mut self) {
        if self.assembly.is_whole()
            && let Some(end) = self.assembly.end()
        {
            self.seen = Some(Place::latest(self.seen.take(), end.clone()));
            self.since.get_or_insert_with(Instant::now);
        }
    }

    /// Whether what is whole is to be committed: when there is enough of it, or no more is about to come.
    fn is_due(&self) -> bool {
        let is_late = || self.since.is_some_and(|since| since.elapsed() >= GATHERING);
        self.assembly.bytes() >= COMMIT_BYTES
            || (!self.feed.has_more() && (!self.feed.is_behind() || is_late()))
    }

    /// How much of a transaction that goes on is enough for a commit.
    fn piece_bytes(&self) -> usize {
        match self.taken.part().is_some() || self.assembly.is_large() {
            true => self.whole_bytes.min(PIECE_BYTES),
            false => self.whole_bytes,
        }
    }

    fn reached(&mut self, reached: Place) -> Result<()> {
        if !self.assembly.is_whole() {
            return Ok(());
        }
        self.seen = Some(Place::latest(self.seen.take(), reached.clone()));
        // What others did to the server's log must not be kept for us.
        let is_idle = self.assembly.end().is_none() && !self.taken.is_busy();
        if is_idle {
            let now = Instant::now();
            self.shared.tell(|status| status.caught_up = Some(now));
        }
        let wanted = self.shared.wants(self.taken.end(), &reached);
        if is_idle
            && !self.taken.end().reaches(&reached)
            && (wanted || self.stored_at.elapsed() >= IDLE_INTERVAL)
        {
            self.assembly.reach(reached);
            self.flush()?;
        }
        Ok(())
    }

    /// Commits what is whole, and the beginning of a transaction that is under way; gives whether tables have other columns now.
    fn flush(&mut self) -> Result<bool> {
        let part = self.assembly.part();
        let end = match self.assembly.end() {
            Some(end) => end.clone(),
            None if part.is_some() => self.taken.end().clone(),
            None => return Ok(false),
        };
        if part.is_some() || self.assembly.transactions > 0 {
            // What is on its way is in memory.
            if part.is_some() {
                self.taken.drain()?;
                self.taken.relieve(self.assembly.bytes())?;
            }
            self.taken.set_part(part);
        }
        let mut commit = Commit::new();
        let changed = std::mem::take(&mut self.assembly.changed);
        let gaps = std::mem::take(&mut self.assembly.gaps);
        let replaced = std::mem::take(&mut self.assembly.replaced);
        let extended = std::mem::take(&mut self.assembly.extended);
        let has_changed = !changed.is_empty() || !replaced.is_empty() || !extended.is_empty();
        let mut stale: BTreeSet<TableIndex> = gaps.iter().copied().collect();
        for (at, progress) in extended {
            let backfill = &mut self.tables[at].backfill;
            backfill.done &= progress.is_whole();
            backfill.progress = progress;
            stale.insert(at);
        }
        for (at, columns) in changed {
            let table = &mut self.tables[at];
            let identity = std::mem::take(&mut table.backfill.identity);
            table.backfill =
                Backfill::begin(columns, identity, table.is_reread).of_rows(table.filter.clone());
            stale.insert(at);
        }
        // What is not stored is begun anew, with an empty topic.
        for at in &replaced {
            commit
                .positions
                .push((self.tables[*at].owner.clone(), None));
        }
        for at in stale.difference(&replaced.into_iter().collect()).copied() {
            let table = &mut self.tables[at];
            table.backfill.has_gaps |= gaps.contains(&at) && !table.backfill.done;
            commit = commit.position(table.owner.clone(), state::store(&table.backfill)?);
        }
        let changes = self.assembly.changes;
        let messages = std::mem::take(&mut self.assembly.messages);
        if let Some(topic) = self.messages.as_ref().filter(|_| !messages.is_empty()) {
            commit = commit.append(topic.clone(), messages);
        }
        let (time, transactions) = (self.assembly.time, self.assembly.transactions);
        let commit = self.assembly.take(&self.tables, commit);
        self.stored_at = Instant::now();
        self.since = None;
        self.taken.resume_from(self.assembly.resume.clone());
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
        while !self.taken.is_paused()
            && let Some(task) = self.backfills.next(&self.tables, &mut self.touched)
        {
            readers.hand_out(task);
        }
        let Some(seen) = &self.seen else {
            return Ok(());
        };
        let log = self.taken.log().clone();
        while let Some(reading) = self.backfills.reached(seen) {
            let at = reading.task.table;
            let (table, touched) = (&mut self.tables[at], &mut self.touched);
            let put = self.backfills.put(&log, reading, table, touched)?;
            let Some((commit, rows)) = put else {
                continue;
            };
            let backfill = &self.tables[at].backfill;
            let meaning = Meaning {
                finished: backfill.done.then_some(at),
                ..Meaning::default()
            };
            let (read, size) = backfill.amount();
            self.taken.send(commit, self.taken.end().clone(), meaning)?;
            self.shared.tell(|status| {
                let table = &mut status.tables[at];
                (table.read, table.size) = (read, size);
                table.rows += rows;
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
        let durable = self.taken.durable().clone();
        self.feed.confirm(&durable, false)?;
        let (server_end, held) = (self.feed.server_end(), self.feed.held());
        self.shared.tell(|status| {
            status.durable = Some(durable);
            status.held = held;
            if let Some(end) = server_end {
                status.server_end = Some(Place::latest(status.server_end.take(), end));
            }
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

fn status_of<S: Server>(captured: &Captured<S>) -> TableStatus {
    let (read, size) = captured.backfill.amount();
    TableStatus {
        name: captured.name.clone(),
        topic: captured.topic.topic.clone(),
        read,
        size,
        rows: 0,
        since: (Instant::now(), read),
        is_done: captured.backfill.done,
    }
}
