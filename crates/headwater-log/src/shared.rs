//! What all handles and threads of one log share, and the rules by which they meet: who holds the writer's lock runs
//! groups, and whoever lets go of it makes sure that nobody is left waiting.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{
    Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError, RwLock, RwLockReadGuard,
    RwLockWriteGuard, TryLockError, mpsc,
};
use std::time::Duration;

use crate::checkpoint::{Cut, PartitionCut, PositionCut, SegmentCut, TopicCut};
use crate::clock::Clock;
use crate::commit::Receipt;
use crate::disk::Disk;
use crate::error::{Error, ErrorKind, Result};
use crate::keeper::Keeper;
use crate::options::Options;
use crate::partition::{Partition, Tail};
use crate::pending::{Slot, Waiter};
use crate::positions::Positions;
use crate::record::CommitNumber;
use crate::topics::Topics;
use crate::wal::ring::{Pool, WalPosition};
use crate::writer::Writer;
use crate::writer::decide::Accepted;
use crate::writer::queue::{Bounds, Queue};
use crate::writer::request::{MetadataRequest, Request, Work};

/// How long the keeper waits for a change before it looks whether the writer needs a checkpoint first.
const CHANGE_POLL: Duration = Duration::from_millis(5);

/// Called after each publish.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// The state of an open log.
pub(crate) struct Shared {
    pub(crate) disk: Arc<dyn Disk>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) options: Options,
    pub(crate) positions: Positions,
    pub(crate) queue: Queue,
    pub(crate) keeper: Keeper,
    pub(crate) pool: Arc<Pool>,
    pub(crate) stats: Counters,
    topics: RwLock<Topics>,
    writer: Mutex<Writer>,
    poison: OnceLock<String>,
    last: AtomicU64,
    news: News,
    wakers: RwLock<Wakers>,
}

#[derive(Default)]
struct Wakers {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

/// Where threads wait for the next publish.
#[derive(Debug, Default)]
struct News {
    lock: Mutex<()>,
    published: Condvar,
    waiting: AtomicUsize,
}

/// Figures since the log was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) wal_bytes: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
}

impl Counters {
    /// A group of `bytes` has been synced.
    pub(crate) fn group(&self, bytes: usize) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.wal_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }
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
            disk: seams.disk,
            clock: seams.clock,
            options: seams.options,
            last: AtomicU64::new(writer.last.0),
            positions,
            queue: Queue::default(),
            keeper: Keeper::default(),
            pool,
            stats: Counters::default(),
            topics: RwLock::new(topics),
            writer: Mutex::new(writer),
            poison: OnceLock::new(),
            news: News::default(),
            wakers: RwLock::default(),
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

    /// From now on the log refuses writes; gives the error to report.
    pub(crate) fn poison(&self, cause: Error) -> Error {
        let message = self.poison.get_or_init(|| {
            tracing::error!(error = %cause, "log is poisoned");
            format!("log is poisoned and refuses writes: {cause}")
        });
        Error::new(ErrorKind::Closed, message.as_str())
            .with_hint("open the log again; what was acknowledged is there")
    }

    pub(crate) fn wal_is_full(&self) -> bool {
        self.pool.used_bytes() >= self.options.wal_bytes_max && self.pool.used_files() > 1
    }

    /// Queues a request; if the log is closed, its slot gets that as the outcome.
    pub(crate) fn push(&self, work: Work, slot: &Arc<Slot>) {
        let request = Request {
            work,
            slot: Arc::clone(slot),
        };
        let max = Bounds {
            requests: self.options.queue_commits_max,
            bytes: self.options.queue_bytes_max,
        };
        while !self.has_threads() && self.queue.is_full(request.bytes(), max) {
            self.writer().run(self);
        }
        if let Err(request) = self.queue.push(request, max) {
            let closed = Error::new(ErrorKind::Closed, "log is closed");
            if let Some(waiter) = request.slot.complete(Err(closed)) {
                waiter.wake();
            }
        }
    }

    /// Runs a group for the one who waits for `slot`, if nobody else is at it: that saves two changes of threads.
    pub(crate) fn help(&self, slot: &Slot) {
        if slot.is_done() {
            return;
        }
        let writer = if self.has_threads() {
            self.writer.try_lock()
        } else {
            self.writer.lock().map_err(TryLockError::Poisoned)
        };
        match writer {
            Ok(mut writer) => writer.run(self),
            Err(TryLockError::Poisoned(writer)) => self.refuse(&mut writer.into_inner()),
            Err(TryLockError::WouldBlock) => return,
        }
        if !self.has_threads() {
            self.keeper.run_due(self);
        } else if self.queue.has_work() {
            self.queue.wake();
        }
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(|broken| {
            let mut writer = broken.into_inner();
            self.refuse(&mut writer);
            writer
        })
    }

    /// Something panicked while it held the writer: nobody knows what it had done.
    fn refuse(&self, writer: &mut Writer) {
        let cause = Error::new(ErrorKind::Bug, "the writer panicked");
        tracing::error!(error = %self.poison(cause), "commits are refused");
        writer.run(self);
    }

    /// The error for a commit that was with the writer when that panicked.
    pub(crate) fn lost(&self, slot: &Slot) -> Option<Error> {
        (self.writer.is_poisoned() && !slot.is_done()).then(|| {
            Error::new(
                ErrorKind::Closed,
                "the writer panicked; the commit may be lost",
            )
        })
    }

    /// The writer's thread.
    pub(crate) fn run_writer(&self) {
        while self.queue.wait() {
            self.writer().run(self);
        }
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
        for (partition, tail) in visible {
            let newly_dirty = partition.view().publish(tail);
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
        if self.news.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.news.lock.lock());
            self.news.published.notify_all();
        }
    }

    /// Calls everyone who wants to hear of a publish.
    pub(crate) fn wake_subscribers(&self) {
        let wakers = self.wakers.read().unwrap_or_else(PoisonError::into_inner);
        wakers.wakers.values().for_each(|wake| wake());
    }

    /// Has `waker` called after every publish; gives what [`unsubscribe`](Self::unsubscribe) takes.
    pub(crate) fn subscribe(&self, waker: Waker) -> u64 {
        let mut wakers = self.wakers.write().unwrap_or_else(PoisonError::into_inner);
        wakers.next += 1;
        let id = wakers.next;
        wakers.wakers.insert(id, waker);
        id
    }

    pub(crate) fn unsubscribe(&self, id: u64) {
        let mut wakers = self.wakers.write().unwrap_or_else(PoisonError::into_inner);
        wakers.wakers.remove(&id);
    }

    /// Waits for a commit after `after`.
    pub(crate) fn wait_for_commit(&self, after: CommitNumber, timeout: Duration) -> CommitNumber {
        self.news.waiting.fetch_add(1, Ordering::SeqCst);
        let lock = self
            .news
            .lock
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let nothing = |(): &mut ()| {
            self.last() <= after && self.poison.get().is_none() && !self.queue.is_closed()
        };
        let lock = self
            .news
            .published
            .wait_timeout_while(lock, timeout, nothing);
        drop(lock);
        self.news.waiting.fetch_sub(1, Ordering::SeqCst);
        self.last()
    }

    /// Lets nothing more in and wakes everyone who waits.
    pub(crate) fn shut(&self) {
        self.queue.close();
        drop(self.news.lock.lock());
        self.news.published.notify_all();
    }

    /// Asks the writer for the state between two groups.
    ///
    /// # Errors
    /// `Closed`.
    pub(crate) fn take_cut(&self) -> Result<Cut> {
        let (to, from) = mpsc::channel();
        let slot = Arc::new(Slot::default());
        self.push(Work::Cut(to), &slot);
        self.queue.wake();
        self.drive(&slot);
        from.recv().map_err(|_| {
            let why = self.poisoned();
            Error::new(
                ErrorKind::Closed,
                why.unwrap_or_else(|| "log is closed".to_owned()),
            )
        })
    }

    /// Asks the writer for a change of the metadata.
    pub(crate) fn begin_change(&self, wish: MetadataRequest) -> Arc<Slot> {
        let slot = Arc::new(Slot::default());
        self.push(Work::Metadata(wish), &slot);
        self.queue.wake();
        slot
    }

    /// Waits a moment for the outcome of a change.
    pub(crate) fn await_change(&self, slot: &Slot) -> Option<Result<Receipt>> {
        self.drive(slot);
        let waiter = || Waiter::Thread(std::thread::current());
        let outcome = slot.take_or_wait(waiter);
        if outcome.is_none() {
            std::thread::park_timeout(CHANGE_POLL);
        }
        outcome
    }

    /// Without a writer's thread, does its work until `slot` is done.
    pub(crate) fn drive(&self, slot: &Slot) {
        while !self.has_threads() && !slot.is_done() {
            self.writer().run(self);
        }
    }

    /// The state now; called by the writer between two groups.
    pub(crate) fn cut(&self, wal: WalPosition, last: CommitNumber) -> Cut {
        let topics = self.topics();
        let position = |(owner, value)| PositionCut { owner, value };
        let topic = |topic: &Arc<crate::topics::Topic>| TopicCut {
            id: topic.description.id,
            name: topic.description.name.clone(),
            config: topic.description.config.clone(),
            partitions: topic.partitions.iter().map(|p| cut_partition(p)).collect(),
        };
        Cut {
            last,
            wal,
            next_topic: topics.next_id(),
            topics: topics.all().map(topic).collect(),
            positions: self.positions.all().into_iter().map(position).collect(),
            pins: topics.pins().iter().map(|(k, v)| (k.clone(), *v)).collect(),
            garbage: topics.garbage().to_vec(),
        }
    }
}

fn cut_partition(partition: &Partition) -> PartitionCut {
    if let Some(keys) = partition.keys() {
        keys.freeze();
    }
    let open = partition.lane().open_segment().1;
    let view = partition.view();
    let segment = |segment: &Arc<crate::segment::Segment>| SegmentCut {
        base: segment.base(),
        revision: segment.revision(),
        extent: segment.sealed().unwrap_or(open),
    };
    PartitionCut {
        start: view.start().0,
        end: view.end().0,
        index: None,
        cleaned: partition.cleaned(),
        segments: view.segments().iter().map(segment).collect(),
    }
}
