//! Durable batches from memory into their segments. Nobody waits for it.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Keeper, WorkState};
use crate::error::Result;
use crate::partition::{Partition, Tail};
use crate::segment::file::{Caching, Placed};
use crate::shared::Shared;

impl Keeper {
    /// Flushes all partitions that have something, and forgets what the flush before this one wrote.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full; what is not flushed stays in memory and is tried again.
    pub(crate) fn flush(&self, shared: &Shared, work: &mut WorkState) -> Result<()> {
        for (partition, before) in work.recent.drain(..) {
            partition.view().evict(before);
        }
        let count = self.dirty().len();
        for _ in 0..count {
            let Some(partition) = self.dirty().pop_front() else {
                break;
            };
            if let Err(e) = self.flush_partition(shared, work, &partition) {
                partition.view().requeue();
                self.mark_dirty(partition);
                return Err(e);
            }
        }
        Ok(())
    }

    fn flush_partition(
        &self,
        shared: &Shared,
        work: &mut WorkState,
        partition: &Arc<Partition>,
    ) -> Result<()> {
        let tail = partition.view().unflushed();
        let caching = match partition.has_keys() {
            true => Caching::Keep,
            false => Caching::Around,
        };
        for run in tail.chunk_by(|a, b| Arc::ptr_eq(&a.segment, &b.segment)) {
            // Also if its topic was just deleted: the checkpoint that is being written may still name it.
            flush_run(shared, work, run, caching)?;
            partition.view().mark_flushed(run.len());
            let bytes: usize = run.iter().map(|t| t.batch.bytes().len()).sum();
            self.unflushed_bytes.fetch_sub(bytes, Ordering::Relaxed);
        }
        if let Some(last) = tail.last() {
            work.recent
                .push((Arc::clone(partition), last.batch.next_offset()));
        }
        Ok(())
    }
}

/// Flushes batches of one segment.
fn flush_run(shared: &Shared, work: &mut WorkState, run: &[Tail], caching: Caching) -> Result<()> {
    let Some(segment) = run.first().map(|tail| &tail.segment) else {
        return Ok(());
    };
    let placed: Vec<Placed<'_>> = run
        .iter()
        .map(|tail| Placed {
            batch: &tail.batch,
            at: tail.at,
            commit: tail.commit.0,
            direct: tail.direct,
        })
        .collect();
    segment.flush(&*shared.disk, &placed, caching)?;
    if !work.dirty.iter().rev().any(|s| Arc::ptr_eq(s, segment)) {
        work.dirty.push(Arc::clone(segment));
    }
    Ok(())
}
