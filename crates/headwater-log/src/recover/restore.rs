//! The state that a checkpoint says, with a look whether the files that it relies on are there.

use std::sync::Arc;

use crate::checkpoint::{self, Cut, PartitionCut, TopicCut};
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, ErrorKind, Result, storage};
use crate::partition::{Lane, Partition, View};
use crate::positions::Positions;
use crate::record::CommitNumber;
use crate::segment::Segment;
use crate::segment::index::ENTRY_BYTES;
use crate::topic::TopicDescription;
use crate::topics::{Topic, Topics, origin};

/// What recovery builds up.
pub(super) struct State {
    pub(super) topics: Topics,
    pub(super) positions: Positions,
    pub(super) last: CommitNumber,
    /// Partitions that got batches from the write-ahead log, with their bytes and those in segments already.
    pub(super) dirty: Vec<(Arc<Partition>, usize, usize)>,
}

pub(super) fn restore(disk: &Arc<dyn Disk>, cut: &Cut) -> Result<State> {
    let mut topics = Topics::new(Arc::clone(disk));
    topics.reserve_ids(cut.next_topic);
    for topic in &cut.topics {
        topics.restore(restore_topic(disk, topic)?);
    }
    for (key, offset) in &cut.pins {
        topics.restore_pin(key.clone(), *offset);
    }
    for garbage in &cut.garbage {
        topics.discard(garbage.clone());
    }
    let positions = Positions::default();
    let position = |p: &checkpoint::PositionCut| (p.owner.clone(), Some(p.value.clone()));
    positions.set(cut.positions.iter().map(position));
    Ok(State {
        topics,
        positions,
        last: cut.last,
        dirty: Vec::new(),
    })
}

fn restore_topic(disk: &Arc<dyn Disk>, cut: &TopicCut) -> Result<Topic> {
    let partition = |(number, partition): (u32, &PartitionCut)| {
        let origin = origin(disk, &cut.name, cut.id, number, &cut.config);
        let (lane, view) = restore_partition(&**disk, &origin.dir, partition)?;
        let keys = origin.keys(&partition.index.clone().unwrap_or_default());
        if let Some(keys) = &keys {
            keys.check()?;
        }
        let restored = Partition::new(origin, lane, view, keys);
        restored.set_cleaned(partition.cleaned);
        restored.set_checkpointed(partition.end);
        Ok(Arc::new(restored))
    };
    let partitions: Result<_> = (0..).zip(&cut.partitions).map(partition).collect();
    Ok(Topic {
        description: TopicDescription {
            name: cut.name.clone(),
            id: cut.id,
            config: cut.config.clone(),
        },
        partitions: partitions?,
    })
}

fn restore_partition(disk: &dyn Disk, dir: &Arc<str>, cut: &PartitionCut) -> Result<(Lane, View)> {
    let mut segments = Vec::with_capacity(cut.segments.len());
    for segment in &cut.segments {
        let restored = Segment::new(
            Arc::clone(dir),
            segment.base,
            segment.revision,
            segment.extent,
        );
        restored.seal(Some(segment.extent));
        if segment.extent.entries > 0 {
            must_have(disk, &restored.data_path(), segment.extent.bytes)?;
            let index_bytes = u64::from(segment.extent.entries) * ENTRY_BYTES as u64;
            must_have(disk, &restored.index_path(), index_bytes)?;
        }
        segments.push(Arc::new(restored));
    }
    let (Some(open), Some(last)) = (segments.last(), cut.segments.last()) else {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("checkpoint names no segment of \"{dir}\""),
        ));
    };
    open.seal(None);
    let lane = Lane::new(cut.end, Arc::clone(open), last.extent);
    Ok((lane, View::new(cut.start, cut.end, segments)))
}

fn must_have(disk: &dyn Disk, path: &str, bytes: u64) -> Result<()> {
    let len = disk
        .open(path, OpenMode::Read)
        .and_then(|file| file.size())
        .map_err(|e| storage("segment", path, e))?;
    if len < bytes {
        return Err(Error::new(
            ErrorKind::Corrupt,
            format!("segment \"{path}\" has {len} bytes, but {bytes} were made durable"),
        )
        .with_hint("restore the data directory; nothing in it has been changed"));
    }
    Ok(())
}
