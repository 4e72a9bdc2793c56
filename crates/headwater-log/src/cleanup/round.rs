//! One round over all partitions: the keeper's third duty, behind a checkpoint.

use std::sync::{Arc, PoisonError, TryLockError};

use super::compact::Compaction;
use super::plan::{Effort, Stretch, plan};
use super::retention::retained_from;
use crate::change::Compacted;
use crate::commit::Receipt;
use crate::error::{ErrorKind, Result};
use crate::keeper::Keeper;
use crate::partition::Partition;
use crate::record::Offset;
use crate::segment::Segment;
use crate::shared::{Held, Shared};
use crate::topic::Cleanup;
use crate::writer::request::MetadataRequest;

/// The closed segments of a partition.
struct Closed {
    start: u64,
    segments: Vec<Arc<Segment>>,
    stretches: Vec<Stretch>,
    open_bytes: u64,
}

impl Closed {
    fn of(partition: &Partition) -> Self {
        let open_bytes = partition.lane().open_segment().1.bytes;
        let view = partition.view();
        let all = view.segments();
        let pairs = all.iter().zip(all.iter().skip(1));
        let closed = pairs.filter_map(|(segment, next)| {
            let extent = segment.sealed()?;
            let stretch = Stretch {
                from: segment.base(),
                to: next.base(),
                bytes: extent.bytes,
                max_timestamp: extent.max_timestamp,
            };
            Some((Arc::clone(segment), stretch))
        });
        let (segments, stretches) = closed.unzip();
        Self {
            start: view.start().0,
            segments,
            stretches,
            open_bytes,
        }
    }
}

impl Keeper {
    /// Applies retention and compaction to all topics that ask for it, and removes the files that go with it.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, `Closed`; what was done before stays done.
    pub(crate) fn clean_up(&self, shared: &Shared, effort: Effort) -> Result<()> {
        let _one_at_a_time = match self.cleaning.try_lock() {
            Ok(guard) => guard,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            // Whoever cleans waits for the writer, and the writer may be waiting for this checkpoint.
            Err(TryLockError::WouldBlock) if effort != Effort::Whole => {
                return self.checkpoint(shared);
            }
            Err(TryLockError::WouldBlock) => {
                self.cleaning.lock().unwrap_or_else(PoisonError::into_inner)
            }
        };
        // Behind a checkpoint everything closed is in its segments and key indexes, and recorded.
        self.checkpoint(shared)?;
        let topics: Vec<_> = shared.topics().all().cloned().collect();
        for topic in topics {
            let cleanup = &topic.description.config.cleanup;
            for partition in &topic.partitions {
                self.retain(shared, partition, cleanup)?;
                if cleanup.compact {
                    self.compact(shared, partition, cleanup, effort)?;
                }
            }
        }
        let has_garbage = !shared.topics().garbage().is_empty();
        match has_garbage {
            true => self.checkpoint(shared),
            false => Ok(()),
        }
    }

    /// Whether any topic asks for retention or compaction.
    pub(crate) fn has_cleanup(shared: &Shared) -> bool {
        let asks =
            |c: &Cleanup| c.compact || c.retention_bytes.is_some() || c.retention_ms.is_some();
        let topics = shared.topics();
        topics.all().any(|t| asks(&t.description.config.cleanup))
    }

    fn retain(&self, shared: &Shared, partition: &Partition, cleanup: &Cleanup) -> Result<()> {
        let closed = Closed::of(partition);
        let held = held(shared, partition);
        let limit = lowest_pin(shared, partition).min(held.start);
        let now = shared.clock.now();
        let start = retained_from(&closed.stretches, closed.open_bytes, cleanup, now, limit);
        let Some(before) = start.map(Offset) else {
            return Ok(());
        };
        let of = partition.name.clone();
        let trimmed = self.change(shared, MetadataRequest::Trim { of, before });
        unless_gone(trimmed.map(drop))
    }

    fn compact(
        &self,
        shared: &Shared,
        partition: &Partition,
        cleanup: &Cleanup,
        effort: Effort,
    ) -> Result<()> {
        // Each round ends where its map is full; the next one goes on there.
        loop {
            let closed = Closed::of(partition);
            // What was closed since the checkpoint may not be in its files yet.
            let pinned = lowest_pin(shared, partition).min(held(shared, partition).end);
            let limit = pinned.min(partition.checkpointed());
            let cleaned = partition.cleaned();
            let outdated = partition.keys().map(|keys| keys.outdated());
            let Some(plan) = plan(&closed.stretches, cleaned, limit, outdated, effort) else {
                return Ok(());
            };
            let round = Compaction {
                disk: &*shared.disk,
                partition,
                segments: &closed.segments,
                plan,
                start: closed.start,
                now: shared.clock.now(),
                delete_retention_ms: cleanup.delete_retention_ms,
                keys_max: shared.options.compaction_keys_max,
            };
            let Some(compacted) = round.run()? else {
                return Ok(());
            };
            let reached = compacted.cleaned;
            self.put_in_place(shared, partition, compacted)?;
            if partition.cleaned() != reached || reached >= plan.end {
                return Ok(());
            }
        }
    }

    fn put_in_place(
        &self,
        shared: &Shared,
        partition: &Partition,
        compacted: Compacted,
    ) -> Result<()> {
        let new = compacted.new.clone();
        let done = self.change(shared, MetadataRequest::Compact(compacted));
        let Err(error) = done else { return Ok(()) };
        if let Some(keys) = partition.keys() {
            keys.give_up();
        }
        if error.kind() == ErrorKind::Conflict {
            for cut in new {
                let dir = Arc::clone(&partition.dir);
                let unused = Segment::new(dir, cut.base, cut.revision, cut.extent);
                for path in [unused.data_path(), unused.index_path()] {
                    if let Err(error) = shared.disk.remove(&path) {
                        tracing::debug!(%error, path, "unused segment stays");
                    }
                }
            }
        }
        unless_gone(Err(error))
    }

    /// Has the writer make a change, and goes on with checkpoints that it may need first.
    fn change(&self, shared: &Shared, wish: MetadataRequest) -> Result<Receipt> {
        let pending = shared.begin_change(wish);
        loop {
            if let Some(result) = shared.await_change(&pending) {
                return result;
            }
            if self.take_wanted_checkpoint() {
                self.checkpoint(shared)?;
            }
        }
    }
}

fn lowest_pin(shared: &Shared, partition: &Partition) -> u64 {
    let topics = shared.topics();
    let pin = topics.lowest_pin(partition.topic, partition.name.partition);
    pin.map_or(u64::MAX, |pin| pin.0)
}

fn held(shared: &Shared, partition: &Partition) -> Held {
    let id = (partition.topic, partition.name.partition);
    shared.holds.of(id)
}

/// A topic or segment that went meanwhile needs no cleaning.
fn unless_gone(result: Result<()>) -> Result<()> {
    match result {
        Err(e) if matches!(e.kind(), ErrorKind::NotFound | ErrorKind::Conflict) => Ok(()),
        other => other,
    }
}
