//! [`Keeper`]: what it is asked for, and the thread that does one thing after the other.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::cleanup::Effort;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::Partition;
use crate::record::Offset;
use crate::segment::Segment;
use crate::shared::Shared;

/// How long the writer waits for the keeper before it looks again whether it is to be served.
const ATTEMPT_POLL: Duration = Duration::from_millis(1);
/// How long the end of the write-ahead log is not marked at most, and how often it is under a stream of commits.
const MARK_INTERVAL: Duration = Duration::from_millis(5);

/// What the keeper is asked for and what it knows.
#[derive(Debug, Default)]
pub(crate) struct Keeper {
    wants: Mutex<Wants>,
    wanted: Condvar,
    /// Checkpoints tried.
    pub(super) attempts: AtomicU64,
    pub(super) attempted: Condvar,
    /// Partitions with batches to be flushed.
    dirty: Mutex<VecDeque<Arc<Partition>>>,
    pub(super) unflushed_bytes: AtomicUsize,
    pub(super) direct_bytes: AtomicUsize,
    /// Whether the thread looks for ends to mark.
    marks: AtomicBool,
    /// Whether there is a cut whose key indexes are not recorded yet: until then none of them may be compacted.
    cut: AtomicBool,
    /// Held by whoever applies retention and compaction.
    pub(crate) cleaning: Mutex<()>,
    /// Held while it works.
    work: Mutex<WorkState>,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
struct Wants {
    flush: bool,
    checkpoint: bool,
    /// Whether commits were refused for which there was no room.
    room: bool,
    /// Whether there are ends to mark again.
    mark: bool,
    stop: bool,
}

/// What has been done since the last checkpoint.
#[derive(Debug, Default)]
pub(crate) struct WorkState {
    /// Partitions that were flushed, and how far: what goes from memory with the next flush.
    pub(super) recent: Vec<(Arc<Partition>, Offset)>,
    /// Segments that were flushed and not synced.
    pub(super) dirty: Vec<Arc<Segment>>,
}

impl Keeper {
    fn wants(&self) -> MutexGuard<'_, Wants> {
        self.wants.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// # Errors
    /// `Closed` if somebody panicked at it: what was to be flushed may have been forgotten, and no checkpoint must say that it was.
    pub(crate) fn work(&self) -> Result<MutexGuard<'_, WorkState>> {
        let work = self.work.lock();
        work.map_err(|_| Error::new(ErrorKind::Closed, "a thread panicked at a checkpoint"))
    }

    pub(super) fn dirty(&self) -> MutexGuard<'_, VecDeque<Arc<Partition>>> {
        self.dirty.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A partition has its first unflushed batch.
    pub(crate) fn mark_dirty(&self, partition: Arc<Partition>) {
        self.dirty().push_back(partition);
    }

    /// Bytes are about to become visible that are not in their segments, or went straight there. Must come before the flush
    /// can see them.
    pub(crate) fn count(&self, unflushed: usize, direct: usize) {
        self.unflushed_bytes.fetch_add(unflushed, Ordering::Relaxed);
        self.direct_bytes.fetch_add(direct, Ordering::Relaxed);
    }

    /// Asks for what is due.
    pub(crate) fn ask_if_due(&self, shared: &Shared) {
        if self.unflushed_bytes.load(Ordering::Relaxed) >= shared.options.flush_bytes {
            self.want(|wants| wants.flush = true);
        }
        if self.direct_bytes.load(Ordering::Relaxed) >= shared.options.checkpoint_bytes {
            self.want_checkpoint();
        }
    }

    /// Asks for a checkpoint.
    pub(crate) fn want_checkpoint(&self) {
        self.want(|wants| wants.checkpoint = true);
    }

    /// Whether a checkpoint is asked for; the asker is then to be served.
    pub(crate) fn take_wanted_checkpoint(&self) -> bool {
        std::mem::take(&mut self.wants().checkpoint)
    }

    /// A cut is taken for a checkpoint. Called by the writer, between two groups.
    pub(crate) fn begin_cut(&self) {
        self.cut.store(true, Ordering::SeqCst);
    }

    /// The key indexes of the cut are recorded, or it was given up.
    pub(super) fn end_cut(&self) {
        self.cut.store(false, Ordering::SeqCst);
    }

    /// Whether a compaction must not take effect: its key index would be recorded as one of before it.
    pub(crate) fn is_cut(&self) -> bool {
        self.cut.load(Ordering::SeqCst)
    }

    /// Asks for room.
    pub(crate) fn want_room(&self) {
        self.want(|wants| wants.room = true);
    }

    /// Asks for a mark at the end of the write-ahead log. The thread is woken once for a stream of commits.
    pub(crate) fn want_mark(&self) {
        if !self.marks.swap(true, Ordering::SeqCst) {
            self.want(|wants| wants.mark = true);
        }
    }

    /// Marks the end; gives whether another one may come soon.
    fn mark(&self, shared: &Shared) -> bool {
        if shared.finisher.mark_end() {
            return true;
        }
        self.marks.store(false, Ordering::SeqCst);
        // One that came before this was not asked for.
        let came = shared.finisher.mark_end();
        if came {
            self.marks.store(true, Ordering::SeqCst);
        }
        came
    }

    /// Asks the thread to end.
    pub(crate) fn stop(&self) {
        self.want(|wants| wants.stop = true);
    }

    fn want(&self, what: impl FnOnce(&mut Wants)) {
        what(&mut self.wants());
        self.wanted.notify_one();
    }

    /// Checkpoints tried so far.
    pub(crate) fn attempts(&self) -> u64 {
        self.attempts.load(Ordering::Acquire)
    }

    /// Waits a moment for a checkpoint to be tried.
    pub(crate) fn wait_for_attempt(&self, tried: u64) {
        let wants = self.wants();
        if self.attempts() == tried {
            drop(self.attempted.wait_timeout(wants, ATTEMPT_POLL));
        }
    }

    /// The keeper's thread.
    pub(crate) fn run(&self, shared: &Shared) {
        let _fuse = shared.fuse();
        loop {
            let wants = self.next(shared);
            if wants.stop {
                shared.finisher.mark_end();
                return;
            }
            self.serve(shared, wants);
        }
    }

    /// Does what has been asked for so far, on a thread of somebody else.
    pub(crate) fn run_due(&self, shared: &Shared) {
        let _fuse = shared.fuse();
        let wants = std::mem::take(&mut *self.wants());
        self.serve(shared, wants);
    }

    /// What is asked for next; after a quiet while a look at retention and compaction.
    fn next(&self, shared: &Shared) -> Wants {
        let idle = |w: &mut Wants| !(w.flush || w.checkpoint || w.room || w.mark || w.stop);
        let (interval, mut quiet) = (shared.options.cleanup_interval, Duration::ZERO);
        let mut marks = self.marks.load(Ordering::SeqCst);
        loop {
            let wait = match marks {
                true => interval.min(MARK_INTERVAL),
                false => interval,
            };
            let wants = self.wanted.wait_timeout_while(self.wants(), wait, idle);
            let (mut wants, waited) = wants.unwrap_or_else(PoisonError::into_inner);
            if !waited.timed_out() {
                let woken = std::mem::take(&mut *wants);
                let nothing_else = Wants {
                    mark: true,
                    ..Wants::default()
                };
                if woken == nothing_else {
                    marks = true;
                    continue;
                }
                return woken;
            }
            drop(wants);
            marks = marks && self.mark(shared);
            quiet += wait;
            if quiet < interval {
                continue;
            }
            quiet = Duration::ZERO;
            let room = shared.budget.is_exceeded();
            if (room || Self::has_cleanup(shared)) && shared.poisoned().is_none() {
                return Wants {
                    checkpoint: true,
                    room,
                    ..Wants::default()
                };
            }
        }
    }

    fn serve(&self, shared: &Shared, wants: Wants) {
        // A checkpoint is asked for when a write-ahead file is begun: while the next ones are still to be made, or the
        // writer will have to wait for the one after it.
        self.prepare(shared, wants);
        let done = if wants.room {
            self.clean_up(shared, Effort::Thorough)
        } else if wants.checkpoint && Self::has_cleanup(shared) {
            self.clean_up(shared, Effort::Due)
        } else if wants.checkpoint {
            self.checkpoint(shared)
        } else if wants.flush {
            let work = self.work();
            work.and_then(|mut work| self.flush(shared, &mut work))
        } else {
            Ok(())
        };
        if let Err(error) = done {
            tracing::warn!(%error, "log could not be checkpointed");
        }
        self.prepare(shared, wants);
    }

    /// Has a spare write-ahead file ready, if there is a thread for it.
    fn prepare(&self, shared: &Shared, wants: Wants) {
        if !wants.checkpoint || !shared.has_threads() || shared.queue.is_closed() {
            return;
        }
        if let Err(error) = shared.pool.prepare() {
            tracing::warn!(%error, "write-ahead file could not be made beforehand");
        }
    }
}
