//! The finishing half of the writer: what was formed is made durable, all of it with as few syncs as there can be, made
//! visible and said to whoever waits. A write or sync that fails poisons the log.
//!
//! Frames are written only once the segments that they refer to are synced: a frame that is whole means records that
//! are whole.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, TryLockError};

use super::decide::Accepted;
use super::direct;
use super::encode::Encoded;
use super::outcome::{Outcomes, failed, tell};
use crate::error::{Error, ErrorKind, Result};
use crate::record::CommitNumber;
use crate::segment::Segment;
use crate::shared::Shared;
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
/// Invariant: groups are pushed and taken in the order of their commits, and taken by whoever holds `turn`.
#[derive(Debug, Default)]
pub(crate) struct Finisher {
    formed: Mutex<VecDeque<Formed>>,
    /// Groups that are formed and not finished, and their bytes.
    open: AtomicUsize,
    open_bytes: AtomicUsize,
    turn: Mutex<()>,
    asked: Mutex<Asked>,
    news: Condvar,
}

/// What the finisher's thread is asked for.
#[derive(Debug, Default)]
struct Asked {
    run: bool,
    stop: bool,
}

impl Finisher {
    /// Adds a group. Called with the writer's lock held.
    pub(super) fn push(&self, group: Formed) {
        self.open.fetch_add(1, Ordering::SeqCst);
        self.open_bytes.fetch_add(group.bytes, Ordering::SeqCst);
        self.formed().push_back(group);
    }

    /// Whether everything that was formed is finished.
    pub(super) fn is_idle(&self) -> bool {
        self.open.load(Ordering::SeqCst) == 0
    }

    /// Whether the one who had the turn panicked.
    pub(crate) fn is_poisoned(&self) -> bool {
        self.turn.is_poisoned()
    }

    /// Finishes what was formed, unless somebody is at it, who then does.
    pub(crate) fn run(&self, shared: &Shared) {
        while !self.formed().is_empty() {
            match self.turn.try_lock() {
                Ok(turn) => self.take_turn(shared, turn),
                Err(TryLockError::WouldBlock) => return,
                Err(TryLockError::Poisoned(_)) => return self.refuse(shared),
            }
        }
    }

    /// Finishes what was formed; afterwards all of it is.
    pub(super) fn settle(&self, shared: &Shared) {
        match self.turn.lock() {
            Ok(turn) => self.take_turn(shared, turn),
            Err(_) => self.refuse(shared),
        }
    }

    /// Sees to it that no more than `most` bytes are formed and not finished.
    pub(super) fn make_way(&self, shared: &Shared, most: usize) {
        if self.open_bytes.load(Ordering::SeqCst) > most {
            self.settle(shared);
        }
    }

    fn formed(&self) -> MutexGuard<'_, VecDeque<Formed>> {
        self.formed.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take_turn(&self, shared: &Shared, turn: MutexGuard<'_, ()>) {
        shared.queue.set_busy(true);
        let mut end = None;
        loop {
            let groups = std::mem::take(&mut *self.formed());
            if groups.is_empty() {
                break;
            }
            end = groups.iter().rev().find_map(Formed::end).or(end);
            self.finish(shared, groups);
        }
        shared.queue.set_busy(false);
        if let Some((place, next)) = end.filter(|_| !shared.queue.has_work()) {
            mark(&place, next);
        }
        drop(turn);
    }

    fn finish(&self, shared: &Shared, groups: VecDeque<Formed>) {
        let written = match shared.poisoned() {
            None => write(shared, &groups).map_err(|e| shared.poison(e)),
            Some(poison) => Err(Error::new(ErrorKind::Closed, poison)),
        };
        let (count, mut bytes) = (groups.len(), 0);
        let mut outcomes = Vec::new();
        for mut group in groups {
            bytes += group.bytes;
            match &written {
                Ok(()) => {
                    shared.publish(group.last, &mut group.commits, group.encoded.visible);
                    outcomes.append(&mut group.outcomes);
                }
                Err(e) => outcomes.append(&mut failed(group.outcomes, e)),
            }
        }
        self.open_bytes.fetch_sub(bytes, Ordering::SeqCst);
        self.open.fetch_sub(count, Ordering::SeqCst);
        tell(outcomes);
        shared.wake_subscribers();
    }

    /// Writes one frame that was not formed as a group, and syncs it. All that was formed must be finished.
    ///
    /// # Errors
    /// `Closed`: the log is poisoned.
    pub(super) fn append(&self, shared: &Shared, place: Option<Place>, frame: &[u8]) -> Result<()> {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let no_room = || Error::new(ErrorKind::Bug, "frame without a place");
        let place = place.ok_or_else(no_room)?;
        let end = place.at + frame.len() as u64;
        let written = place.file.write(frame, place.at);
        written
            .and_then(|()| place.file.sync(end))
            .map_err(|e| shared.poison(cannot_write(e)))?;
        shared.stats.group(frame.len());
        Ok(())
    }

    /// Whoever had the turn panicked: nobody knows what it had done.
    fn refuse(&self, shared: &Shared) {
        let error = shared.poison(Error::new(ErrorKind::Bug, "the writer panicked"));
        let groups = std::mem::take(&mut *self.formed());
        for group in groups {
            tell(failed(group.outcomes, &error));
        }
    }

    /// Has the finisher's thread finish what was formed.
    pub(crate) fn ask(&self) {
        self.asked().run = true;
        self.news.notify_one();
    }

    /// Has the finisher's thread end.
    pub(crate) fn stop(&self) {
        self.asked().stop = true;
        self.news.notify_one();
    }

    fn asked(&self) -> MutexGuard<'_, Asked> {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The finisher's thread.
    pub(crate) fn serve(&self, shared: &Shared) {
        loop {
            let idle = |asked: &mut Asked| !(asked.run || asked.stop);
            let asked = self.news.wait_while(self.asked(), idle);
            let asked = std::mem::take(&mut *asked.unwrap_or_else(PoisonError::into_inner));
            self.run(shared);
            if asked.stop {
                return;
            }
        }
    }
}

impl Formed {
    /// Where its frames end, and the number of the next commit.
    fn end(&self) -> Option<(Place, u64)> {
        let place = self.place.as_ref()?;
        let at = place.at + self.encoded.bytes.len() as u64;
        let file = Arc::clone(&place.file);
        Some((Place { file, at }, self.last.0 + 1))
    }
}

/// Makes groups durable.
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
    if bytes == 0 {
        return Ok(());
    }
    if let Some((end, _)) = groups.iter().rev().find_map(Formed::end) {
        end.file.sync(end.at).map_err(cannot_write)?;
    }
    shared.stats.group(bytes);
    Ok(())
}

fn cannot_write(source: std::io::Error) -> Error {
    Error::new(ErrorKind::Closed, "write-ahead log cannot be written").with_source(source)
}

/// Leaves word that everything before `end` was durable: should the last group be damaged, it cannot be taken for a torn
/// end. Nobody waits for it, and the next group is written over it.
fn mark(end: &Place, next: u64) {
    if end.file.synced() == end.at && end.at + MARK_BYTES as u64 <= end.file.bytes {
        let mark = frame::mark(end.file.generation, end.at, next);
        if let Err(error) = end.file.write(&mark, end.at) {
            tracing::warn!(%error, "end of the write-ahead log is not marked");
        }
    }
}
