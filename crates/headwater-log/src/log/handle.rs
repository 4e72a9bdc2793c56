//! [`Log`]: the handle, opening, and commits.

use std::path::Path;
use std::sync::Arc;

use super::owner::Owner;
use super::scratch;
use crate::batch::LogBatch;
use crate::blocking;
use crate::clock::Clock;
use crate::commit::{Commit, Receipt};
use crate::disk::{Disk, MemDisk, RealDisk};
use crate::error::Result;
use crate::options::Options;
use crate::partition::Partition;
use crate::pending::{Pending, Slot};
use crate::record::TopicPartition;
use crate::recover;
use crate::shared::{Seams, Shared};
use crate::writer::prepare::{prepare, prepare_batch};
use crate::writer::request::{MetadataRequest, Prepared, Work};

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
pub struct Log(pub(super) Arc<Owner>);

impl Log {
    /// Opens the log on a disk, or makes one there.
    ///
    /// # Errors
    /// `Corrupt` if durable bytes are damaged or missing, `Unavailable`, `Invalid` if an option cannot be.
    pub fn open(disk: Arc<dyn Disk>, clock: Arc<dyn Clock>, options: Options) -> Result<Self> {
        let options = options.fitted()?;
        let threads = options.threads;
        scratch::sweep(&*disk)?;
        let shared = Arc::new(recover::open(Seams {
            disk,
            clock,
            options,
        })?);
        let owner = Owner::new(shared);
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

    pub(super) fn change(&self, wish: MetadataRequest) -> Result<Receipt> {
        self.push(Work::Metadata(Box::new(wish))).wait()
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
            Ok(prepared) => self.push(Work::Commit(Box::new(prepared))),
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
        prepare(commit, &shared.topics(), shared.clock.now(), shared)
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
        self.submit_prepared(self.prepare(commit))
    }

    pub(super) fn submit_prepared(&self, prepared: Result<Prepared>) -> Pending {
        let pending = self.push_commit(prepared);
        blocking::wake_writer(self.shared());
        pending
    }

    /// As [`submit`](Self::submit), for records that are encoded already; their offsets are replaced.
    pub fn submit_batch(&self, to: &TopicPartition, batch: LogBatch) -> Pending {
        let prepared = self
            .partition(to)
            .and_then(|partition| prepare_batch(partition, batch, &self.shared().options));
        self.submit_prepared(prepared)
    }
}
