//! The finishing half of the writer: what was formed is written, made durable with as few syncs as there can be, made visible and
//! said to whoever waits. A write or sync that fails poisons the log.
//!
//! Frames are written in the order of their commits, but a few syncs may run at a time: the disk is not idle while one
//! thread publishes, and a group need not wait for the sync of the one before it. A sync makes everything durable that was
//! written before it began, so whichever ends first lets all those groups be published, in order.
//!
//! Frames are written only once the segments that they refer to are synced: a frame that is whole means records that
//! are whole.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::decide::Accepted;
use super::direct;
use super::encode::Encoded;
use super::outcome::{Outcomes, failed, tell};
use super::queue::Bounds;
use crate::error::{Error, ErrorKind, Result};
use crate::record::CommitNumber;
use crate::segment::Segment;
use crate::shared::Shared;
use crate::wal::file::SYNCS_MAX;
use crate::wal::frame::{self, MARK_BYTES};
use crate::wal::ring::Place;

/// A group that only needs to be finished.
#[derive(Debug)]
pub(super) struct Formed {
    pub(super) place: Option<Place>,
    pub(super) encoded: Encoded,
    /// Segments with batches of the group.
    pub(super) segments: Vec<Arc<Segment>>,
    pub(super) commits: Vec<Accepted>,
    pub(super) outcomes: Outcomes,
    /// The newest commit that was decided.
    pub(super) last: CommitNumber,
    /// Bytes that it keeps in memory.
    pub(super) bytes: usize,
}

/// What was formed and is not finished, and who is at it.
///
/// Invariant: groups are pushed to `formed`, moved to `written` and published in the order of their commits. Locks are taken
/// in the order of the fields.
#[derive(Debug, Default)]
pub(crate) struct Finisher {
    /// Held by those who write and sync, one each: a sync has its own handle of the file, so that each hears of errors.
    slots: [Mutex<()>; SYNCS_MAX],
    /// Held by whoever writes frames; how many times that was.
    turn: Mutex<u64>,
    /// Held by whoever publishes.
    publishing: Mutex<()>,
    formed: Mutex<VecDeque<Formed>>,
    written: Mutex<VecDeque<Formed>>,
    /// The end that is to be marked, if the keeper has not come to it.
    unmarked: Mutex<Option<Unmarked>>,
    /// Groups that are formed and not published, their commits and bytes.
    open: AtomicUsize,
    open_commits: AtomicUsize,
    open_bytes: AtomicUsize,
}

/// An end of everything that is durable.
#[derive(Debug)]
struct Unmarked {
    end: Place,
    /// The number of the next commit.
    next: u64,
    /// How many times frames had been written.
    writes: u64,
}

/// What was written when a sync began.
struct Unsynced {
    /// The newest commit.
    last: CommitNumber,
    /// Where its frames end, if there are any that may not be durable.
    end: Option<Place>,
}

impl Finisher {
    /// Adds a group. Called with the writer's lock held.
    pub(super) fn push(&self, group: Formed) {
        self.open.fetch_add(1, Ordering::SeqCst);
        let commits = group.outcomes.len();
        self.open_commits.fetch_add(commits, Ordering::SeqCst);
        self.open_bytes.fetch_add(group.bytes, Ordering::SeqCst);
        lock(&self.formed).push_back(group);
    }

    /// Whether everything that was formed is finished.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    /// Whether somebody panicked: nobody knows what was done.
    fn is_poisoned(&self) -> bool {
        self.slots.iter().any(Mutex::is_poisoned)
    }

    /// Finishes what was formed, unless as many as may are at it, who then do.
    pub(crate) fn run(&self, shared: &Shared) {
        while !lock(&self.formed).is_empty() {
            if self.is_poisoned() {
                return self.refuse(shared);
            }
            let mut free = self.slots.iter().enumerate();
            let Some((slot, _turn)) = free.find_map(|(i, slot)| Some((i, slot.try_lock().ok()?)))
            else {
                return;
            };
            self.take_turn(shared, slot);
        }
    }

    /// Finishes what was formed; afterwards all of it is, and nobody is at it.
    pub(super) fn settle(&self, shared: &Shared) {
        let turns: Result<Vec<_>, _> = self.slots.iter().map(Mutex::lock).collect();
        match turns {
            Ok(_turns) => self.take_turn(shared, 0),
            Err(_) => self.refuse(shared),
        }
    }

    /// Sees to it that no more than `most` is formed and not finished.
    pub(super) fn make_way(&self, shared: &Shared, most: Bounds) {
        let commits = self.open_commits.load(Ordering::SeqCst);
        if commits > most.commits || self.open_bytes.load(Ordering::SeqCst) > most.bytes {
            self.settle(shared);
        }
    }

    /// Writes what was formed, syncs it and publishes it. The slot is held.
    fn take_turn(&self, shared: &Shared, slot: usize) {
        let Ok(mut turn) = self.turn.lock() else {
            return self.refuse(shared);
        };
        let groups = std::mem::take(&mut *lock(&self.formed));
        if groups.is_empty() {
            return; // somebody else took them
        }
        let commits = groups.iter().map(|group| group.outcomes.len()).sum();
        shared.queue.sync_begins(commits);
        *turn += 1;
        let writes = *turn;
        self.write(shared, groups);
        let unsynced = self.unsynced();
        drop(turn);
        let Some(Unsynced { last, end }) = unsynced else {
            return shared.queue.sync_ends(commits);
        };
        if let Some(Err(e)) = end.as_ref().map(|end| end.file.sync(slot, end.at)) {
            shared.poison(cannot_write(e));
        }
        self.publish(shared, last);
        shared.queue.sync_ends(commits);
        if let Some(end) = end.filter(|_| !shared.queue.has_work()) {
            let next = last.0 + 1;
            *lock(&self.unmarked) = Some(Unmarked { end, next, writes });
            match shared.has_threads() {
                // The caller would wait for it, whose commit it is no part of.
                true => shared.keeper.want_mark(),
                false => drop(self.mark_end()),
            }
        }
    }

    /// Marks the newest end that was not marked; whether there was one.
    pub(crate) fn mark_end(&self) -> bool {
        let unmarked = lock(&self.unmarked).take();
        if let Some(Unmarked { end, next, writes }) = &unmarked {
            self.mark(end, *next, *writes);
        }
        unmarked.is_some()
    }

    /// Writes the frames of groups. Called with the turn held.
    fn write(&self, shared: &Shared, groups: VecDeque<Formed>) {
        let written = match shared.refusal() {
            None => write(shared, &groups).map_err(|e| shared.poison(e)),
            Some(error) => Err(error),
        };
        match written {
            Ok(()) => lock(&self.written).extend(groups),
            Err(error) => self.close(groups, |group| failed(group.outcomes, &error)),
        }
    }

    fn unsynced(&self) -> Option<Unsynced> {
        let written = lock(&self.written);
        let has_frames = |group: &&Formed| !group.encoded.bytes.is_empty();
        let end = written.iter().rev().find(has_frames).and_then(Formed::end);
        let last = written.back()?.last;
        Some(Unsynced { last, end })
    }

    /// Publishes what was written up to a commit, or says that it is unknown what became of it.
    fn publish(&self, shared: &Shared, last: CommitNumber) {
        let Ok(publishing) = self.publishing.lock() else {
            return self.refuse(shared);
        };
        // If this sync or another one has failed, it is unknown what of these is durable.
        let refusal = shared.refusal();
        let mut written = lock(&self.written);
        let count = written.partition_point(|group| group.last <= last);
        let groups: VecDeque<Formed> = written.drain(..count).collect();
        drop(written);
        self.close(groups, |mut group| match &refusal {
            None => {
                shared.publish(group.last, &mut group.commits, group.encoded.visible);
                group.outcomes
            }
            Some(error) => failed(group.outcomes, error),
        });
        drop(publishing);
        shared.wake_subscribers();
    }

    /// Groups are over: says so to whoever waits.
    fn close(&self, groups: VecDeque<Formed>, mut outcomes: impl FnMut(Formed) -> Outcomes) {
        let (count, mut commits, mut bytes) = (groups.len(), 0, 0);
        let mut all = Vec::new();
        for group in groups {
            commits += group.outcomes.len();
            bytes += group.bytes;
            let mut these = outcomes(group);
            if all.is_empty() {
                all = these;
            } else {
                all.append(&mut these);
            }
        }
        self.open_bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.open_commits.fetch_sub(commits, Ordering::SeqCst);
        self.open.fetch_sub(count, Ordering::SeqCst);
        tell(all);
    }

    /// Leaves word that everything before `end` was durable, if nothing was written since: should the last group be damaged, it
    /// cannot be taken for a torn end. Nobody waits for it, and the next group is written over it.
    fn mark(&self, end: &Place, next: u64, writes: u64) {
        let turn = lock(&self.turn);
        let is_end = *turn == writes && end.file.synced() == end.at;
        if is_end && end.at + MARK_BYTES as u64 <= end.file.bytes {
            let mark = frame::mark(end.file.generation, end.at, next);
            if let Err(error) = end.file.write(&mark, end.at) {
                tracing::warn!(%error, "end of the write-ahead log is not marked");
            }
        }
    }

    /// Writes one frame that was not formed as a group, and syncs it. All that was formed must be finished.
    ///
    /// # Errors
    /// `Closed`: the log is poisoned.
    pub(super) fn append(&self, shared: &Shared, place: Option<Place>, frame: &[u8]) -> Result<()> {
        let mut turn = lock(&self.turn);
        *turn += 1;
        let no_room = || Error::new(ErrorKind::Bug, "frame without a place");
        let place = place.ok_or_else(no_room)?;
        let end = place.at + frame.len() as u64;
        let written = place.file.write(frame, place.at);
        written
            .and_then(|()| place.file.sync(0, end))
            .map_err(|e| shared.poison(cannot_write(e)))?;
        shared.stats.group(frame.len());
        Ok(())
    }

    /// Somebody panicked: nobody knows what had been done.
    pub(crate) fn refuse(&self, shared: &Shared) {
        let error = shared.poison(Error::new(ErrorKind::Bug, "the writer panicked"));
        for groups in [&self.formed, &self.written] {
            let groups = std::mem::take(&mut *lock(groups));
            self.close(groups, |group| failed(group.outcomes, &error));
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Formed {
    /// Where its frames end.
    fn end(&self) -> Option<Place> {
        let place = self.place.as_ref()?;
        let at = place.at + self.encoded.bytes.len() as u64;
        let file = Arc::clone(&place.file);
        Some(Place { file, at })
    }
}

/// Writes the frames of groups, of whose segments everything is durable then.
fn write(shared: &Shared, groups: &VecDeque<Formed>) -> Result<()> {
    let mut segments = Vec::new();
    for segment in groups.iter().flat_map(|group| &group.segments) {
        direct::note(&mut segments, segment);
    }
    direct::sync(&*shared.disk, &segments)?;
    let mut bytes = 0;
    for group in groups.iter().filter(|g| !g.encoded.bytes.is_empty()) {
        if let Some(place) = &group.place {
            let written = place.file.write(&group.encoded.bytes, place.at);
            written.map_err(cannot_write)?;
            bytes += group.encoded.bytes.len();
        }
    }
    if bytes > 0 {
        shared.stats.group(bytes);
    }
    Ok(())
}

fn cannot_write(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "write-ahead log cannot be written").with_source(source)
}
