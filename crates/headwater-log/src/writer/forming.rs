//! The forming half of the writer: it makes a group of what waits, has it decided and encoded, and writes what goes
//! straight to segments. What it has formed is finished by [`finishing`](super::finishing), perhaps while the next
//! group is being formed.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;

use super::decide::{Accepted, Ledger, PlacedBatch};
use super::direct::{self, Undo, WriteError};
use super::encode;
use super::finishing::Formed;
use super::group::Group;
use super::metadata;
use super::outcome::{Outcomes, failed, tell};
use super::queue::Bounds;
use super::request::{MetadataRequest, Request, Work};
use crate::change::Change;
use crate::commit::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::record::CommitNumber;
use crate::shared::Shared;
use crate::wal::ring::{Ring, Room};

/// The writer. Whoever holds its lock may form a group: its thread, or a caller that would otherwise wait.
#[derive(Debug)]
pub(crate) struct Writer {
    ring: Ring,
    /// The newest commit that was decided.
    last: CommitNumber,
    backlog: VecDeque<Request>,
    /// Positions set by commits that were decided and may not be published yet.
    positions: HashMap<String, Option<Bytes>>,
}

/// What became of the commits of a group.
struct Decided {
    commits: Vec<Accepted>,
    /// The batches of all of them, in order.
    placed: Vec<PlacedBatch>,
    outcomes: Outcomes,
    /// The newest commit.
    last: CommitNumber,
}

impl Writer {
    pub(crate) fn new(ring: Ring, last: CommitNumber) -> Self {
        Self {
            ring,
            last,
            backlog: VecDeque::new(),
            positions: HashMap::new(),
        }
    }

    /// The newest commit that was decided.
    pub(crate) fn last(&self) -> CommitNumber {
        self.last
    }

    /// Does what is next in the queue: forms one group, or does one other request.
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
                    Ok(room) => self.form(shared, &room),
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
        shared.queue.grouped(1, request.bytes());
        // What was formed before must be seen by it.
        shared.finisher.settle(shared);
        let result = match (shared.refusal(), request.work) {
            // Of what it would build upon it is unknown whether it is durable.
            (Some(error), _) => Err(error),
            (None, Work::Metadata(wish)) => self.change(shared, &wish),
            (None, Work::Cut(to)) => {
                shared.keeper.begin_cut();
                if to.send(shared.cut(self.ring.end(), self.last)).is_err() {
                    tracing::debug!("checkpoint was given up");
                }
                Ok(self.receipt())
            }
            (None, Work::Commit(_)) => Err(Error::new(ErrorKind::Bug, "commit outside of a group")),
        };
        tell(vec![(request.promise, result)]);
    }

    fn receipt(&self) -> Receipt {
        Receipt {
            number: self.last,
            offsets: Vec::new(),
            versions: Vec::new(),
        }
    }

    /// Room for `bytes` in the write-ahead log; waits for a checkpoint if that has become too long.
    fn make_room(&mut self, shared: &Shared, bytes: usize) -> Result<Room> {
        if !self.ring.fits(bytes) {
            // The next file will say that this one is durable.
            shared.finisher.settle(shared);
            shared.keeper.want_checkpoint();
            if shared.wal_is_full() && shared.has_threads() {
                self.wait_for_checkpoint(shared);
            }
            if let Some(poison) = shared.poisoned() {
                return Err(Error::new(ErrorKind::Closed, poison));
            }
            if shared.wal_is_full() {
                return Err(Error::new(
                    ErrorKind::Unavailable,
                    "write-ahead log is full and could not be freed",
                )
                .with_hint("make room on the disk; what is in the log stays readable"));
            }
        }
        let room = self.ring.make_room(bytes, self.last.0 + 1);
        room.map_err(|e| match e.kind() {
            ErrorKind::Closed => shared.poison(e),
            _ => e,
        })
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

    fn form(&mut self, shared: &Shared, room: &Room) {
        let most = shared.options.group_bytes_max;
        let formed = Bounds {
            commits: shared.options.queue_commits_max,
            bytes: most,
        };
        shared.finisher.make_way(shared, formed);
        let mut group = Group::gather(&mut self.backlog, room.bytes.min(most), most);
        let count = group.commits.len();
        let bytes = group.wal_bytes + group.direct_bytes;
        shared.queue.grouped(count, bytes);
        group.spare_the_log(shared.options.direct_bytes / 4, most / 8);
        let (wal_bytes, direct_bytes) = (group.wal_bytes, group.direct_bytes);
        let undo = (direct_bytes > 0).then(|| Undo::before(&group, shared.budget.placed()));
        let Decided {
            commits,
            placed,
            outcomes,
            last,
        } = self.decide(shared, group);
        let encoded = encode::encode(&commits, placed, room, wal_bytes, &shared.buffers);
        let segments = match direct::write(&*shared.disk, &encoded) {
            Ok(segments) => segments,
            Err(e) => return self.fail(shared, outcomes, e, undo),
        };
        self.last = last;
        shared.finisher.push(Formed {
            place: self.ring.reserve(encoded.bytes.len()),
            bytes,
            encoded,
            segments,
            commits,
            outcomes,
            last,
        });
    }

    fn decide(&mut self, shared: &Shared, group: Group) -> Decided {
        if shared.finisher.is_idle() {
            self.positions.clear(); // they are published
        }
        let refused = shared.budget.refused();
        let mut ledger = Ledger {
            last: self.last,
            published: &shared.positions,
            positions: &mut self.positions,
            segment_bytes_max: shared.options.segment_bytes_max(),
        };
        let count = group.commits.len();
        let mut commits = Vec::with_capacity(count);
        let mut placed = Vec::with_capacity(count);
        let mut outcomes = Vec::with_capacity(count);
        for (commit, promise) in group.commits {
            let admitted = shared.budget.admit(&commit);
            let decided = admitted.and_then(|bytes| {
                let (accepted, receipt) = ledger.decide(*commit, &mut placed)?;
                shared.budget.place(bytes);
                commits.push(accepted);
                Ok(receipt)
            });
            outcomes.push((promise, decided));
        }
        if shared.budget.refused() > refused {
            shared.keeper.want_room();
        }
        Decided {
            commits,
            placed,
            outcomes,
            last: ledger.last,
        }
    }

    /// A group could not be written to its segments.
    fn fail(&mut self, shared: &Shared, outcomes: Outcomes, error: WriteError, undo: Option<Undo>) {
        // Afterwards everything decided but this group is published.
        shared.finisher.settle(shared);
        self.positions.clear();
        let error = match (error, undo) {
            (WriteError::Undo(e), Some(undo)) => {
                undo.apply(shared);
                e
            }
            (WriteError::Undo(e) | WriteError::Poison(e), _) => shared.poison(e),
        };
        tell(failed(outcomes, &error));
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
        match change {
            Change::CreateTopic { .. } => shared.budget.admit_topic()?,
            Change::Compact(_) if shared.keeper.is_cut() => {
                let text = "a checkpoint is recording what was before the compaction";
                return Err(Error::new(ErrorKind::Conflict, text));
            }
            _ => {}
        }
        let number = CommitNumber(self.last.0 + 1);
        // The frame is measured with a room of its own, since it must be known before there is room for it.
        let probe = Room {
            generation: 0,
            durable: 0,
            bytes: 0,
        };
        let bytes = encode::encode_change(&change, &probe, number.0)?.len();
        let room = self.make_room(shared, bytes)?;
        let frame = encode::encode_change(&change, &room, number.0)?;
        let place = self.ring.reserve(frame.len());
        shared.finisher.append(shared, place, &frame)?;
        self.last = number;
        shared.topics_mut().apply(&change);
        shared.publish(number, &mut [], Vec::new());
        shared.wake_subscribers();
        if shared.budget.is_exceeded() {
            shared.keeper.want_room(); // the change may have let something go
        }
        Ok(Receipt {
            number,
            offsets: metadata::offset_of(&change).into_iter().collect(),
            versions: Vec::new(),
        })
    }

    fn refuse_first(&mut self, shared: &Shared, error: Error) {
        if let Some(request) = self.backlog.pop_front() {
            shared.queue.grouped(1, request.bytes());
            tell(vec![(request.promise, Err(error))]);
        }
    }

    fn refuse_all(&mut self, shared: &Shared, poison: &str) {
        let bytes = self.backlog.iter().map(Request::bytes).sum();
        shared.queue.grouped(self.backlog.len(), bytes);
        let refused = self
            .backlog
            .drain(..)
            .map(|request| (request.promise, Err(Error::new(ErrorKind::Closed, poison))));
        tell(refused.collect());
    }
}
