//! The bytes that the files of a log take, measured from what is known in memory; and waiting for room among them.

use std::sync::Arc;
use std::time::Duration;

use super::state::Shared;
use crate::checkpoint::CHECKPOINT;
use crate::disk::{Disk, OpenMode};
use crate::partition::Partition;
use crate::segment::Extent;
use crate::segment::index::ENTRY_BYTES;
use crate::topics::Garbage;

impl Shared {
    /// Measures what all files but the write-ahead log take, and tells those whose commits were refused if there is room.
    pub(crate) fn measure(&self) {
        let placed = self.budget.placed();
        let topics = self.topics();
        let partitions = topics.all().flat_map(|topic| &topic.partitions);
        let live: u64 = partitions.map(|partition| bytes_of(partition)).sum();
        let garbage = topics.garbage().to_vec();
        drop(topics);
        let garbage = garbage.iter().map(|g| garbage_bytes(&*self.disk, g));
        let bytes = live + garbage.sum::<u64>() + file_bytes(&*self.disk, CHECKPOINT);
        if self.budget.measured(bytes, placed) {
            self.news.announce();
            self.wake_subscribers();
        }
    }

    /// Bytes of all files.
    pub(crate) fn disk_bytes(&self) -> u64 {
        self.budget.used() + self.pool.disk_bytes()
    }

    /// Waits until there is room for the commits that were refused, or the time is over; whether there is.
    pub(crate) fn wait_for_room(&self, timeout: Duration) -> bool {
        self.wait_while(timeout, || self.budget.is_exceeded());
        !self.budget.is_exceeded()
    }
}

/// What the segments and key index of a partition take, once all that is placed is in them.
fn bytes_of(partition: &Partition) -> u64 {
    let bytes = |extent: Extent| extent.bytes + u64::from(extent.entries) * ENTRY_BYTES as u64;
    let (open, extent) = {
        let lane = partition.lane();
        let (segment, extent) = lane.open_segment();
        (Arc::clone(segment), extent)
    };
    let view = partition.view();
    let closed = view.segments().iter().filter(|s| !Arc::ptr_eq(s, &open));
    let closed = closed.filter_map(|segment| segment.sealed()).map(bytes);
    let keys = partition.keys().map_or(0, |keys| keys.disk_bytes());
    closed.sum::<u64>() + bytes(extent) + keys
}

fn garbage_bytes(disk: &dyn Disk, garbage: &Garbage) -> u64 {
    let names = |dir: &str| {
        let names = disk.list(dir).unwrap_or_default().into_iter();
        let paths: Vec<String> = names.map(|name| format!("{dir}/{name}")).collect();
        paths
    };
    match garbage {
        Garbage::File(path) => file_bytes(disk, path),
        Garbage::Topic(dir) => {
            let files = names(dir)
                .into_iter()
                .flat_map(|partition| names(&partition));
            files.map(|path| file_bytes(disk, &path)).sum()
        }
    }
}

/// Bytes of a file; none if it is not there.
fn file_bytes(disk: &dyn Disk, path: &str) -> u64 {
    let size = disk.open(path, OpenMode::Read).and_then(|file| file.size());
    size.unwrap_or(0)
}
