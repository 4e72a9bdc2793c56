//! A checkpoint: everything up to some commit is synced in its segments, the file says so, and the write-ahead log
//! before it is free.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::{Keeper, WorkState};
use crate::checkpoint::{self, Cut, PartitionCut, TopicCut};
use crate::error::{ErrorKind, Result, storage};
use crate::partition::Partition;
use crate::shared::Shared;
use crate::topics::{Garbage, Topics};

impl Keeper {
    /// Writes a checkpoint.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Closed`.
    pub(crate) fn checkpoint(&self, shared: &Shared) -> Result<()> {
        let _fuse = shared.fuse();
        let work = self.work();
        let done = work.and_then(|mut work| self.try_checkpoint(shared, &mut work));
        self.attempts.fetch_add(1, Ordering::Release);
        self.attempted.notify_all();
        done.map_err(|e| match e.kind() {
            ErrorKind::Closed if shared.poisoned().is_none() && !shared.queue.is_closed() => {
                shared.poison(e)
            }
            _ => e,
        })
    }

    fn try_checkpoint(&self, shared: &Shared, work: &mut WorkState) -> Result<()> {
        let direct = self.direct_bytes.load(Ordering::Relaxed);
        let cut = self.take_cut(shared, work);
        self.end_cut();
        let mut cut = cut?;
        sync(shared, work)?;
        checkpoint::write(&*shared.disk, &cut)?;
        for (partition, cut) in partitions(&shared.topics(), &mut cut.topics) {
            partition.set_checkpointed(cut.end);
        }
        self.direct_bytes.fetch_sub(direct, Ordering::Relaxed);
        shared.stats.checkpoint();
        shared.pool.free_before(cut.wal.generation)?;
        collect(shared, &cut)?;
        sweep_indexes(shared, &cut)?;
        shared.measure();
        Ok(())
    }

    /// The state between two groups, with all batches and key indexes of it in their files, but not synced.
    fn take_cut(&self, shared: &Shared, work: &mut WorkState) -> Result<Cut> {
        let mut cut = shared.take_cut()?;
        self.flush(shared, work)?;
        write_indexes(shared, &mut cut)?;
        Ok(cut)
    }
}

fn sync(shared: &Shared, work: &mut WorkState) -> Result<()> {
    while let Some(segment) = work.dirty.last() {
        segment.sync(&*shared.disk)?;
        work.dirty.pop();
    }
    Ok(())
}

/// The partitions of a cut that are still there.
fn partitions<'a>(
    topics: &Topics,
    cut: &'a mut [TopicCut],
) -> Vec<(Arc<Partition>, &'a mut PartitionCut)> {
    let mut found = Vec::new();
    for topic in cut {
        for (number, partition) in (0..).zip(&mut topic.partitions) {
            if let Some(now) = topics.partition_by_id(topic.id, number) {
                found.push((Arc::clone(now), partition));
            }
        }
    }
    found
}

/// Writes the key indexes as they were at the cut, and notes their runs in it.
fn write_indexes(shared: &Shared, cut: &mut Cut) -> Result<()> {
    let partitions = partitions(&shared.topics(), &mut cut.topics);
    for (partition, cut) in partitions {
        if let Some(keys) = partition.keys() {
            keys.flush()?;
            while keys.tidy(cut.start)? {}
            cut.index = Some(keys.manifest());
        }
    }
    Ok(())
}

/// Removes the runs that neither the durable checkpoint nor a reader needs.
fn sweep_indexes(shared: &Shared, cut: &Cut) -> Result<()> {
    for topic in &cut.topics {
        for (number, partition) in (0..).zip(&topic.partitions) {
            let now = shared.topics().partition_by_id(topic.id, number).cloned();
            let keys = now.as_ref().and_then(|now| now.keys());
            if let (Some(keys), Some(recorded)) = (keys, &partition.index) {
                keys.sweep(recorded)?;
            }
        }
    }
    Ok(())
}

/// Removes what the durable checkpoint does not refer to any more.
fn collect(shared: &Shared, cut: &Cut) -> Result<()> {
    for garbage in &cut.garbage {
        match garbage {
            Garbage::File(path) => remove(shared, path)?,
            Garbage::Topic(dir) => remove_topic(shared, dir)?,
        }
    }
    shared.topics_mut().removed(&cut.garbage);
    Ok(())
}

fn remove_topic(shared: &Shared, dir: &str) -> Result<()> {
    let list = |dir: &str| {
        shared
            .disk
            .list(dir)
            .map_err(|e| storage("directory", dir, e))
    };
    for partition in list(dir)? {
        let partition = format!("{dir}/{partition}");
        for file in list(&partition)? {
            remove(shared, &format!("{partition}/{file}"))?;
        }
        remove(shared, &partition)?;
    }
    remove(shared, dir)
}

fn remove(shared: &Shared, path: &str) -> Result<()> {
    shared
        .disk
        .remove(path)
        .map_err(|e| storage("file", path, e))
}
