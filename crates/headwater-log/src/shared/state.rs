//! [`Shared`]: the state of an open log, and how a group becomes visible.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use super::counters::Counters;
use super::holds::Holds;
use super::news::News;
use crate::budget::Budget;
use crate::clock::Clock;
use crate::disk::Disk;
use crate::error::{Error, ErrorKind};
use crate::keeper::Keeper;
use crate::lookup::Lookups;
use crate::memory::Buffers;
use crate::options::Options;
use crate::partition::{Partition, Tail};
use crate::positions::Positions;
use crate::record::CommitNumber;
use crate::topics::Topics;
use crate::wal::pool::Pool;
use crate::writer::decide::Accepted;
use crate::writer::queue::Queue;
use crate::writer::{Finisher, Writer};

/// The state of an open log.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) positions: Positions,
    pub(crate) queue: Queue,
    pub(crate) keeper: Keeper,
    pub(crate) pool: Arc<Pool>,
    pub(crate) budget: Budget,
    pub(crate) buffers: Buffers,
    pub(crate) stats: Counters,
    /// What is remembered of files that were read.
    pub(crate) lookups: Lookups,
    topics: RwLock<Topics>,
    pub(crate) finisher: Finisher,
    pub(super) writer: Mutex<Writer>,
    poison: OnceLock<String>,
    last: AtomicU64,
    pub(super) news: News,
    pub(crate) holds: Holds,
}

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log")
            .field("disk", &self.disk)
            .field("last", &self.last)
            .field("poison", &self.poison)
            .finish_non_exhaustive()
    }
}

/// What a log is opened with.
#[derive(Debug)]
pub(crate) struct Seams {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
}

impl Shared {
    /// A log whose files hold what `topics`, `positions` and `writer` say.
    pub(crate) fn new(
        seams: Seams,
        topics: Topics,
        positions: Positions,
        pool: Arc<Pool>,
        writer: Writer,
    ) -> Self {
        Self {
            budget: Budget::new(&seams.options),
            buffers: Buffers::default(),
            lookups: Lookups::new(seams.options.read_cache_bytes),
            disk: seams.disk,
            clock: seams.clock,
            options: seams.options,
            last: AtomicU64::new(writer.last().0),
            positions,
            queue: Queue::default(),
            keeper: Keeper::default(),
            pool,
            stats: Counters::default(),
            topics: RwLock::new(topics),
            finisher: Finisher::default(),
            writer: Mutex::new(writer),
            poison: OnceLock::new(),
            news: News::default(),
            holds: Holds::default(),
        }
    }

    pub(crate) fn topics(&self) -> RwLockReadGuard<'_, Topics> {
        self.topics.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn topics_mut(&self) -> RwLockWriteGuard<'_, Topics> {
        self.topics.write().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn has_threads(&self) -> bool {
        self.options.threads
    }

    pub(crate) fn last(&self) -> CommitNumber {
        CommitNumber(self.last.load(Ordering::SeqCst))
    }

    /// Why the log refuses writes, if it does.
    pub(crate) fn poisoned(&self) -> Option<String> {
        self.poison.get().cloned()
    }

    /// The error for what comes after that.
    pub(crate) fn refusal(&self) -> Option<Error> {
        self.poison.get().map(|message| refused(message))
    }

    /// From now on the log refuses writes; gives the error to report.
    pub(crate) fn poison(&self, cause: Error) -> Error {
        let message = self.poison.get_or_init(|| {
            tracing::error!(error = %cause, "log is poisoned");
            format!("log is poisoned and refuses writes: {cause}")
        });
        self.news.announce();
        refused(message)
    }

    pub(crate) fn wal_is_full(&self) -> bool {
        self.pool.used_bytes() >= self.options.wal_bytes_max && self.pool.used_files() > 1
    }

    /// Makes a group visible that is durable.
    pub(crate) fn publish(
        &self,
        last: CommitNumber,
        commits: &mut [Accepted],
        visible: Vec<(Arc<Partition>, Tail)>,
    ) {
        let positions: Vec<_> = commits
            .iter_mut()
            .flat_map(|commit| commit.positions.drain(..))
            .collect();
        if !positions.is_empty() {
            self.positions.set(positions);
        }
        let bytes = |tail: &Tail| tail.batch.bytes().len();
        let (all, direct) = visible.iter().fold((0, 0), |(all, direct), (_, tail)| {
            let bytes = bytes(tail);
            (all + bytes, direct + if tail.direct { bytes } else { 0 })
        });
        self.keeper.count(all, direct);
        let mut visible = visible.into_iter().peekable();
        while let Some((partition, tail)) = visible.next() {
            let newly_dirty = {
                let mut view = partition.view();
                let newly_dirty = view.publish(tail);
                // A run of batches of one partition is seen whole, and locks once.
                let is_next = |(next, _): &(Arc<Partition>, Tail)| Arc::ptr_eq(next, &partition);
                while let Some((_, tail)) = visible.next_if(is_next) {
                    view.publish(tail);
                }
                newly_dirty
            };
            let index_bytes = partition.keys().map_or(0, |keys| keys.unflushed_bytes());
            if index_bytes >= self.options.index_bytes {
                self.keeper.want_checkpoint();
            }
            if newly_dirty {
                self.keeper.mark_dirty(partition);
            }
        }
        let before = self.last.swap(last.0, Ordering::SeqCst);
        self.stats
            .commits
            .fetch_add(last.0 - before, Ordering::Relaxed);
        self.keeper.ask_if_due(self);
        self.news.announce();
    }

    /// Lets nothing more in and wakes everyone who waits.
    pub(crate) fn shut(&self) {
        self.queue.close();
        self.news.announce();
    }
}

fn refused(message: &str) -> Error {
    Error::new(ErrorKind::Closed, message)
        .with_hint("open the log again; what was acknowledged is there")
}
