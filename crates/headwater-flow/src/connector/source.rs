//! Where rows come from. A [`Source`] does the I/O, one call at a time; its [`Decoder`] is pure and runs on many
//! threads. Everything a source hands out it can hand out again ([`Source::reread`]): replay depends on it.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::TopicPartition;

use super::chunk::{Chunk, KnownPartition, Partition, Range, Seal};
use super::decoder::Decoder;
use crate::error::Result;

/// What [`Source::poll`] found.
#[derive(Debug)]
pub enum Poll {
    /// The next records; never empty.
    Ready(Chunk),
    /// Nothing now. The source calls its [`Waker`] when there is more, or asks to be polled again after a while.
    Pending {
        /// Poll again after this time; `None`: the waker will be called.
        retry_after: Option<Duration>,
    },
    /// The input is finite by nature and ends here: watermark +∞.
    Ended,
    /// The input was cut here by `scan.bounded.mode`: the pipeline stops, windows stay open.
    Stopped,
}

/// Called when a source that was [`Poll::Pending`] has something.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A re-readable input of a pipeline.
pub trait Source: Send {
    /// The partitions known now, in canonical order. Later calls may append, never reorder.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Invalid` for a file that was added to an input that had ended.
    fn partitions(&mut self) -> Result<Vec<Partition>>;

    /// The records from `from`, about `max_bytes` of them and at least one if there is one.
    ///
    /// # Errors
    /// `Unavailable` to be retried, `Corrupt` to stop.
    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll>;

    /// Exactly the records of a range that `poll` gave before, perhaps in an earlier process.
    ///
    /// # Errors
    /// `Corrupt`, naming the file or topic, if they are not the same any more.
    fn reread(&mut self, range: &Range) -> Result<Chunk>;

    /// The pure half. Its rows have the physical and metadata columns that were asked for, in that order.
    fn decoder(&self) -> Arc<dyn Decoder>;

    /// Calls `waker` from now on when a pending partition has something, or there is a new partition.
    fn watch(&mut self, waker: Waker);

    /// Called at most once, before anything else: the partitions that earlier processes recorded, in their order. A
    /// source whose partitions may come in another order now (files that were added) puts these first.
    ///
    /// # Errors
    /// `Corrupt`, naming the file, if what was read of a partition is not there any more; `Invalid` if there are
    /// partitions that came after the input had been taken to be whole.
    fn resume(&mut self, _known: &[KnownPartition]) -> Result<()> {
        Ok(())
    }

    /// What tells a later process, in [`KnownPartition`], whether the records before `next`, up to where the partition
    /// was polled, are still those that were read; `None`: nobody can change them.
    fn seal(&self, _partition: u32, _next: u64) -> Option<Seal> {
        None
    }

    /// How often to ask for new partitions; such an input never ends, even if it has none yet. `None`: those that are
    /// there are all, but for what the waker announces.
    fn discovery_interval(&self) -> Option<Duration> {
        None
    }

    /// The partition of the log that must keep the records of a partition as long as a restart may read them again.
    fn pinned(&self, _partition: u32) -> Option<TopicPartition> {
        None
    }
}
