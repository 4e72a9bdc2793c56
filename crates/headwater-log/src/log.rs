//! The log as its users see it.

use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use bytes::Bytes;

use crate::batch::LogBatch;
use crate::clock::{Clock, Timestamp};
use crate::commit::{Commit, Receipt};
use crate::disk::{Disk, MemDisk, RealDisk};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::partition::Partition;
use crate::pending::{Pending, Slot};
use crate::read::{self, Fetched};
use crate::record::{CommitNumber, Offset, TopicPartition};
use crate::recover;
use crate::shared::{Seams, Shared, Waker};
use crate::topic::{Bounds, TopicConfig, TopicDescription};
use crate::writer::prepare::{prepare, prepare_batch};
use crate::writer::request::{MetadataRequest, Prepared, Work};

/// Something that keeps retention, compaction and trim from going past an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who will read again.
    pub owner: String,
    /// From which partition.
    pub of: TopicPartition,
    /// From where.
    pub offset: Offset,
}

/// Figures of a log since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Commits.
    pub commits: u64,
    /// Groups of commits: syncs that somebody waited for.
    pub groups: u64,
    /// Bytes written to the write-ahead log.
    pub wal_bytes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Bytes of memory that the key indexes take now.
    pub index_bytes: u64,
}

/// A durable log. Cheap to clone; all clones are the same log, which closes with the last of them.
///
/// ```
/// use std::sync::Arc;
/// use headwater_log::{Commit, Log, ManualClock, Offset, Record, Timestamp, TopicConfig, TopicPartition};
/// let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
/// log.create_topic("orders", TopicConfig::default())?;
/// let orders = TopicPartition::new("orders", 0);
/// let order = Record { value: Some("apples".into()), ..Record::default() };
/// let receipt = log.commit(Commit::new().append(orders.clone(), [order]))?;
/// assert_eq!(receipt.offsets, [Offset(0)]);
/// let fetched = log.fetch(&orders, Offset(0), 1 << 20)?;
/// assert_eq!(fetched.batches[0].record_count(), 1);
/// # Ok::<(), headwater_log::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Log(Arc<Owner>);

/// Closes the log when the last handle goes.
#[derive(Debug)]
struct Owner {
    shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::debug!(%error, "log closed without a last checkpoint");
        }
    }
}

impl Owner {
    fn close(&self) -> Result<()> {
        if self.shared.queue.is_closed() {
            return Ok(());
        }
        let saved = self.shared.keeper.checkpoint(&self.shared);
        self.shared.shut();
        self.shared.keeper.stop();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                return Err(Error::new(ErrorKind::Bug, "a thread of the log panicked"));
            }
        }
        saved
    }
}

impl Log {
    /// Opens the log on a disk, or makes one there.
    ///
    /// # Errors
    /// `Corrupt` if durable bytes are damaged or missing, `Unavailable`.
    pub fn open(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, options: Options) -> Result<Self> {
        let threads = options.threads;
        let shared = Arc::new(recover::open(Seams {
            disk,
            clock,
            options,
        })?);
        let owner = Owner {
            threads: Mutex::default(),
            shared,
        };
        if threads {
            owner.start()?;
        }
        Ok(Self(Arc::new(owner)))
    }

    /// Opens the log in a directory, or makes one there, and keeps other processes out of it.
    ///
    /// # Errors
    /// `Unavailable` if another process has it open or it cannot be read, `Corrupt`.
    pub fn open_dir(path: &Path, clock: Arc<dyn Clock>, options: Options) -> Result<Self> {
        Self::open(Arc::new(RealDisk::locked(path)?), clock, options)
    }

    /// A log in memory.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        let options = Options {
            wal_file_bytes: 4 << 20,
            ..Options::default()
        };
        Self::open(Arc::new(MemDisk::new()), clock, options)
            .expect("an empty disk in memory has room and no damage")
    }

    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.0.shared
    }

    pub(crate) fn partition(&self, of: &TopicPartition) -> Result<Arc<Partition>> {
        self.shared().topics().partition(of).cloned()
    }

    fn change(&self, wish: MetadataRequest) -> Result<Receipt> {
        self.push(Work::Metadata(wish)).wait()
    }

    fn push(&self, work: Work) -> Pending {
        let slot = Arc::new(Slot::default());
        self.shared().push(work, &slot);
        Pending {
            slot,
            shared: Arc::clone(self.shared()),
        }
    }

    fn push_commit(&self, prepared: Result<Prepared>) -> Pending {
        match prepared {
            Ok(prepared) => self.push(Work::Commit(prepared)),
            Err(error) => {
                let slot = Arc::new(Slot::default());
                // Nobody can wait for it yet, so there is nobody to wake.
                slot.complete(Err(error));
                Pending {
                    slot,
                    shared: Arc::clone(self.shared()),
                }
            }
        }
    }

    fn prepare(&self, commit: Commit) -> Result<Prepared> {
        let shared = self.shared();
        prepare(
            commit,
            &shared.topics(),
            shared.clock.now(),
            &shared.options,
        )
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// `Conflict` if there is one of that name, `Invalid`.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::CreateTopic { name, config })
            .map(drop)
    }

    /// Deletes a topic with its records.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::DeleteTopic { name }).map(drop)
    }

    /// Changes how a topic is kept; partitions can only be added.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub fn alter_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        let name = name.to_owned();
        self.change(MetadataRequest::AlterTopic { name, config })
            .map(drop)
    }

    /// What is known of a topic.
    pub fn topic(&self, name: &str) -> Option<TopicDescription> {
        let topics = self.shared().topics();
        topics.topic(name).ok().map(|t| t.description.clone())
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicDescription> {
        let topics = self.shared().topics();
        topics.all().map(|t| t.description.clone()).collect()
    }

    /// Commits, and waits until it is durable.
    ///
    /// # Errors
    /// As [`Pending::wait`].
    pub fn commit(&self, commit: Commit) -> Result<Receipt> {
        self.push_commit(self.prepare(commit)).wait()
    }

    /// Puts a commit on its way; commits become durable in the order of submission.
    pub fn submit(&self, commit: Commit) -> Pending {
        let pending = self.push_commit(self.prepare(commit));
        self.shared().queue.wake();
        pending
    }

    /// As [`submit`](Self::submit), for records that are encoded already; their offsets are replaced.
    pub fn submit_batch(&self, to: &TopicPartition, batch: LogBatch) -> Pending {
        let prepared = self
            .partition(to)
            .and_then(|partition| prepare_batch(partition, batch, &self.shared().options));
        let pending = self.push_commit(prepared);
        self.shared().queue.wake();
        pending
    }

    /// The batches from `offset`, about `max_bytes` of them and at least one if there is one.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is outside the partition, `Corrupt`.
    pub fn fetch(&self, of: &TopicPartition, offset: Offset, max_bytes: usize) -> Result<Fetched> {
        read::fetch(self.shared(), &*self.partition(of)?, offset, max_bytes)
    }

    /// Where a partition begins and ends.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn bounds(&self, of: &TopicPartition) -> Result<Bounds> {
        let partition = self.partition(of)?;
        let view = partition.view();
        Ok(Bounds {
            start: view.start(),
            end: view.end(),
        })
    }

    /// The first offset whose record is not older than `time`; the end if there is none.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`.
    pub fn offset_at(&self, of: &TopicPartition, time: Timestamp) -> Result<Offset> {
        read::offset_at(self.shared(), &*self.partition(of)?, time)
    }

    /// The newest commit that is durable.
    pub fn last_commit(&self) -> CommitNumber {
        self.shared().last()
    }

    /// Waits until there is a commit after `after`, or the time is over; gives the newest.
    pub fn wait_for_commit(&self, after: CommitNumber, timeout: Duration) -> CommitNumber {
        self.shared().wait_for_commit(after, timeout)
    }

    /// Calls `waker` after every publish, on the writer's thread: it must be quick and must not block. It is
    /// called as long as the [`Subscription`] lives.
    #[must_use]
    pub fn subscribe(&self, waker: Waker) -> Subscription {
        Subscription {
            id: self.shared().subscribe(waker),
            shared: Arc::clone(self.shared()),
        }
    }

    /// The position of an owner.
    pub fn position(&self, owner: &str) -> Option<Bytes> {
        self.shared().positions.get(owner)
    }

    /// All positions, by owner.
    pub fn positions(&self) -> Vec<(String, Bytes)> {
        self.shared().positions.all()
    }

    /// Keeps the records of a partition from `offset` on; moves the owner's pin if it has one there.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is outside the partition.
    pub fn pin(&self, owner: &str, of: &TopicPartition, offset: Offset) -> Result<()> {
        let (owner, of) = (owner.to_owned(), of.clone());
        self.change(MetadataRequest::Pin { owner, of, offset })
            .map(drop)
    }

    /// Drops all pins of an owner.
    ///
    /// # Errors
    /// `Closed`, `Unavailable`.
    pub fn unpin(&self, owner: &str) -> Result<()> {
        let owner = owner.to_owned();
        self.change(MetadataRequest::Unpin { owner }).map(drop)
    }

    /// All pins.
    pub fn pins(&self) -> Vec<Pin> {
        let topics = self.shared().topics();
        let pin = |((owner, topic, partition), offset): (&(String, u64, u32), &Offset)| {
            let name = topics.by_id(*topic)?.description.name.as_str();
            Some(Pin {
                owner: owner.clone(),
                of: TopicPartition::new(name, *partition),
                offset: *offset,
            })
        };
        topics.pins().iter().filter_map(pin).collect()
    }

    /// Gives up the records before `before`, but none that are pinned; gives the new start.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is beyond the end.
    pub fn trim(&self, of: &TopicPartition, before: Offset) -> Result<Offset> {
        let of = of.clone();
        let receipt = self.change(MetadataRequest::Trim { of, before })?;
        Ok(receipt.offsets.first().copied().unwrap_or(before))
    }

    /// Syncs the segments and frees the write-ahead log before them.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Closed`.
    pub fn checkpoint(&self) -> Result<()> {
        self.shared().keeper.checkpoint(self.shared())
    }

    /// Writes a checkpoint, then gives up what retention lets go and compacts what there is to compact; the log does
    /// the same by itself now and then.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Corrupt`, `Closed`.
    pub fn clean_up(&self) -> Result<()> {
        self.shared().keeper.clean_up(self.shared(), true)
    }

    /// Figures since it was opened.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared().stats;
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            groups: counters.groups.load(Ordering::Relaxed),
            wal_bytes: counters.wal_bytes.load(Ordering::Relaxed),
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
            index_bytes: self.shared().topics().index_bytes(),
        }
    }

    /// Writes a checkpoint and closes the log; every clone then gets `Closed`.
    ///
    /// # Errors
    /// `Closed` if it was poisoned.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }
}

impl Owner {
    fn start(&self) -> Result<()> {
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))
                .map_err(|e| {
                    Error::new(ErrorKind::Unavailable, "no thread for the log").with_source(e)
                })
        };
        let writer = spawn("log-writer", Shared::run_writer)?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(writer);
        threads.push(spawn("log-keeper", |shared| shared.keeper.run(shared))?);
        Ok(())
    }
}

/// Keeps a waker called; see [`Log::subscribe`].
#[derive(Debug)]
pub struct Subscription {
    id: u64,
    shared: Arc<Shared>,
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.shared.unsubscribe(self.id);
    }
}
