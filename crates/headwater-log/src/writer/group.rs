//! The doing half of the writer: it forms a group of what waits, has it decided and encoded, writes it with one
//! sync, makes it visible and says so to whoever waits. A write or sync that fails poisons the log.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::sync::Arc;

use super::decide::{Accepted, Ledger};
use super::encode::{self, Encoded};
use super::metadata;
use super::request::{MetadataRequest, Prepared, Request, Work};
use crate::commit::Receipt;
use crate::disk::OpenMode;
use crate::error::{Error, ErrorKind, Result, storage};
use crate::partition::{Lane, Partition};
use crate::pending::{Slot, Waiter};
use crate::record::CommitNumber;
use crate::segment::Segment;
use crate::shared::Shared;
use crate::wal::ring::{Ring, Room};

/// The writer. Whoever holds its lock may run a group: its thread, or a caller that would otherwise wait.
#[derive(Debug)]
pub(crate) struct Writer {
    pub(crate) ring: Ring,
    pub(crate) last: CommitNumber,
    backlog: VecDeque<Request>,
}

/// Commits that are written with one sync.
struct Group {
    commits: Vec<(Prepared, Arc<Slot>)>,
    room: Room,
    wal_bytes: usize,
    direct_bytes: usize,
}

/// Requests that are over.
type Outcomes = Vec<(Arc<Slot>, Result<Receipt>)>;

impl Writer {
    pub(crate) fn new(ring: Ring, last: CommitNumber) -> Self {
        Self {
            ring,
            last,
            backlog: VecDeque::new(),
        }
    }

    /// Does what is next in the queue: one group, or one other request.
    pub(crate) fn run(&mut self, shared: &Shared) {
        shared.queue.take(&mut self.backlog);
        if let Some(poison) = shared.poisoned() {
            return self.refuse_all(shared, &poison);
        }
        match self.backlog.front().map(|request| &request.work) {
            None => {}
            Some(Work::Commit(first)) => {
                let bytes = first.wal_bytes;
                match self.make_room(shared, bytes) {
                    Ok(room) => self.run_group(shared, room),
                    Err(e) => self.refuse_first(shared, e),
                }
            }
            Some(Work::Metadata(_) | Work::Cut(_)) => self.run_other(shared),
        }
    }

    fn run_other(&mut self, shared: &Shared) {
        let Some(request) = self.backlog.pop_front() else {
            return;
        };
        shared.queue.grouped(1);
        let result = match request.work {
            Work::Metadata(wish) => self.change(shared, &wish),
            Work::Cut(to) => {
                if to.send(shared.cut(self.ring.end(), self.last)).is_err() {
                    tracing::debug!("checkpoint was given up");
                }
                Ok(self.receipt())
            }
            Work::Commit(_) => Err(Error::new(ErrorKind::Bug, "commit outside of a group")),
        };
        finish(vec![(request.slot, result)]);
    }

    fn receipt(&self) -> Receipt {
        Receipt {
            number: self.last,
            offsets: Vec::new(),
        }
    }

    /// Room for `bytes` in the write-ahead log; waits for a checkpoint if that has become too long.
    fn make_room(&mut self, shared: &Shared, bytes: usize) -> Result<Room> {
        if !self.ring.fits(bytes) {
            shared.keeper.want_checkpoint();
            if shared.wal_is_full() && shared.has_threads() {
                self.wait_for_checkpoint(shared);
            }
            if shared.wal_is_full() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "write-ahead log is full and could not be freed",
                )
                .with_hint("make room on the disk; what is in the log stays readable"));
            }
        }
        self.ring.make_room(bytes, self.last.0 + 1)
    }

    /// Waits until the keeper has tried a checkpoint, and serves it meanwhile.
    fn wait_for_checkpoint(&mut self, shared: &Shared) {
        let asked = shared.keeper.attempts();
        // The first attempt may have begun before the log was full; the second has not.
        while shared.wal_is_full() && !shared.queue.is_closed() {
            let tried = shared.keeper.attempts();
            if tried >= asked + 2 {
                return;
            }
            shared.keeper.want_checkpoint();
            shared.queue.take(&mut self.backlog);
            let is_cut = |r: &Request| matches!(r.work, Work::Cut(_));
            if let Some(at) = self.backlog.iter().position(is_cut) {
                let Some(request) = self.backlog.remove(at) else {
                    return;
                };
                self.backlog.push_front(request);
                self.run_other(shared);
            }
            shared.keeper.wait_for_attempt(tried);
        }
    }

    fn run_group(&mut self, shared: &Shared, room: Room) {
        let group = self.gather(shared, room);
        shared.queue.grouped(group.commits.len());
        let undo = (group.direct_bytes > 0).then(|| lanes_of(&group));
        let (wal_bytes, room) = (group.wal_bytes, group.room);
        let (mut accepted, outcomes, last) = self.decide(shared, group);
        let encoded = encode::encode(&mut accepted, &room, wal_bytes);
        let finished = match self.write(shared, &encoded) {
            Ok(()) => {
                self.last = last;
                shared.publish(last, &mut accepted, encoded.visible);
                outcomes
            }
            Err(e) => fail(shared, outcomes, e, undo),
        };
        finish(finished);
        shared.wake_subscribers();
    }

    /// Takes as many commits off the backlog as fit into one group.
    fn gather(&mut self, shared: &Shared, room: Room) -> Group {
        let most = room.bytes.min(shared.options.group_bytes_max);
        let mut group = Group {
            commits: Vec::new(),
            room,
            wal_bytes: 0,
            direct_bytes: 0,
        };
        while let Some(request) = self.backlog.pop_front() {
            let Work::Commit(commit) = &request.work else {
                self.backlog.push_front(request);
                break;
            };
            let wal_bytes = group.wal_bytes + commit.wal_bytes;
            let direct_bytes = group.direct_bytes + commit.direct_bytes;
            let too_many = wal_bytes > most || direct_bytes > shared.options.group_bytes_max;
            if too_many && !group.commits.is_empty() {
                self.backlog.push_front(request);
                break;
            }
            group.wal_bytes = wal_bytes;
            group.direct_bytes = direct_bytes;
            if let Work::Commit(commit) = request.work {
                group.commits.push((commit, request.slot));
            }
        }
        group
    }

    fn decide(&self, shared: &Shared, group: Group) -> (Vec<Accepted>, Outcomes, CommitNumber) {
        let mut ledger = Ledger {
            last: self.last,
            published: &shared.positions,
            positions: HashMap::new(),
        };
        let mut accepted = Vec::with_capacity(group.commits.len());
        let mut outcomes = Vec::with_capacity(group.commits.len());
        for (commit, slot) in group.commits {
            let decided = ledger.decide(commit).map(|mut decided| {
                let receipt = Receipt {
                    number: decided.receipt.number,
                    offsets: std::mem::take(&mut decided.receipt.offsets),
                };
                accepted.push(decided);
                receipt
            });
            outcomes.push((slot, decided));
        }
        (accepted, outcomes, ledger.last)
    }

    /// Makes a group durable: first what goes straight to segments, then the frames that make it count.
    fn write(&mut self, shared: &Shared, encoded: &Encoded) -> Result<(), WriteError> {
        write_direct(shared, encoded)?;
        if encoded.bytes.is_empty() {
            return Ok(());
        }
        self.ring.append(&encoded.bytes).map_err(|e| {
            WriteError::Poison(
                Error::new(ErrorKind::Closed, "write-ahead log cannot be written").with_source(e),
            )
        })?;
        shared.stats.group(encoded.bytes.len());
        Ok(())
    }

    fn change(&mut self, shared: &Shared, wish: &MetadataRequest) -> Result<Receipt> {
        let change = match metadata::decide(&shared.topics(), wish)? {
            metadata::Decision::Change(change) => change,
            metadata::Decision::Nothing(offset) => {
                return Ok(Receipt {
                    offsets: offset.into_iter().collect(),
                    ..self.receipt()
                });
            }
        };
        let number = CommitNumber(self.last.0 + 1);
        // The frame is measured with a room of its own, since it must be known before there is room for it.
        let probe = Room {
            generation: 0,
            at: 0,
            bytes: 0,
        };
        let bytes = encode::encode_change(&change, &probe, number.0)?.len();
        let room = self.make_room(shared, bytes)?;
        let frame = encode::encode_change(&change, &room, number.0)?;
        if let Err(e) = self.ring.append(&frame) {
            return Err(shared.poison(
                Error::new(ErrorKind::Closed, "write-ahead log cannot be written").with_source(e),
            ));
        }
        shared.stats.group(frame.len());
        self.last = number;
        shared.topics_mut().apply(&change);
        shared.publish(number, &mut [], Vec::new());
        shared.wake_subscribers();
        Ok(Receipt {
            number,
            offsets: metadata::offset_of(&change).into_iter().collect(),
        })
    }

    fn refuse_first(&mut self, shared: &Shared, error: Error) {
        if let Some(request) = self.backlog.pop_front() {
            shared.queue.grouped(1);
            finish(vec![(request.slot, Err(error))]);
        }
    }

    fn refuse_all(&mut self, shared: &Shared, poison: &str) {
        shared.queue.grouped(self.backlog.len());
        let refused = self
            .backlog
            .drain(..)
            .map(|request| (request.slot, Err(Error::new(ErrorKind::Closed, poison))));
        finish(refused.collect());
    }
}

/// What to do when a group could not be written.
enum WriteError {
    /// Nothing that counts was written: take back what was decided.
    Undo(Error),
    /// It is unknown what is on the disk.
    Poison(Error),
}

fn write_direct(shared: &Shared, encoded: &Encoded) -> Result<(), WriteError> {
    let mut segments: Vec<&Arc<Segment>> = Vec::new();
    for (_, tail) in encoded.visible.iter().filter(|(_, tail)| tail.direct) {
        let files = tail
            .segment
            .files(&*shared.disk, OpenMode::Create)
            .map_err(undo_if_full)?;
        files
            .data
            .write_at(tail.batch.bytes(), tail.at.into())
            .map_err(|e| undo_if_full(storage("segment", &tail.segment.data_path(), e)))?;
        if !segments.iter().any(|s| Arc::ptr_eq(s, &tail.segment)) {
            segments.push(&tail.segment);
        }
    }
    for segment in segments {
        let files = segment
            .files(&*shared.disk, OpenMode::Write)
            .map_err(WriteError::Poison)?;
        segment.sync_names(&*shared.disk).map_err(poison)?;
        files.data.sync().map_err(poison)?;
    }
    Ok(())
}

fn poison(source: io::Error) -> WriteError {
    WriteError::Poison(
        Error::new(ErrorKind::Closed, "segment cannot be synced").with_source(source),
    )
}

fn undo_if_full(error: Error) -> WriteError {
    match error.kind() {
        ErrorKind::Unavailable => WriteError::Undo(error),
        _ => WriteError::Poison(error),
    }
}

/// The lanes of the partitions that a group appends to, as they are before it.
fn lanes_of(group: &Group) -> Vec<(Arc<Partition>, Lane)> {
    let mut lanes: Vec<(Arc<Partition>, Lane)> = Vec::new();
    for append in group.commits.iter().flat_map(|(c, _)| &c.appends) {
        if !lanes.iter().any(|(p, _)| Arc::ptr_eq(p, &append.partition)) {
            let lane = append.partition.lane().clone();
            lanes.push((Arc::clone(&append.partition), lane));
        }
    }
    lanes
}

/// The outcomes of a group that could not be written.
fn fail(
    shared: &Shared,
    outcomes: Outcomes,
    error: WriteError,
    undo: Option<Vec<(Arc<Partition>, Lane)>>,
) -> Outcomes {
    let error = match (error, undo) {
        (WriteError::Undo(e), Some(lanes)) => {
            for (partition, lane) in lanes {
                if let Some(keys) = partition.keys() {
                    keys.cut(lane.next());
                }
                partition.lane().restore(lane);
            }
            e
        }
        (WriteError::Undo(e) | WriteError::Poison(e), _) => shared.poison(e),
    };
    let again = |result: Result<Receipt>| {
        result.and_then(|_| {
            let mut same = Error::new(error.kind(), error.to_string());
            if let Some(hint) = error.hint() {
                same = same.with_hint(hint);
            }
            Err(same)
        })
    };
    outcomes
        .into_iter()
        .map(|(slot, result)| (slot, again(result)))
        .collect()
}

/// Hands out the outcomes, then wakes whoever waits.
fn finish(outcomes: Outcomes) {
    let waiters: Vec<Waiter> = outcomes
        .into_iter()
        .filter_map(|(slot, result)| slot.complete(result))
        .collect();
    waiters.into_iter().for_each(Waiter::wake);
}
