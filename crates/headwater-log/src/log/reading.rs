//! Reading what is durable, and hearing of it.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::handle::Log;
use crate::clock::Timestamp;
use crate::error::Result;
use crate::read::{self, Fetched};
use crate::record::{CommitNumber, Offset, TopicPartition};
use crate::shared::{Shared, Waker};
use crate::topic::Bounds;

impl Log {
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
