//! What verification needs to know of a log, read without changing a file.

use std::sync::Arc;

use super::chain::{Chain, Link};
use super::damage::of_version;
use super::opening::wal_files;
use super::replay::Replay;
use super::restore::restore;
use crate::checkpoint::{Cut, SegmentCut};
use crate::disk::{Disk, OpenMode};
use crate::error::Result;
use crate::keyindex::RunId;
use crate::partition::Partition;
use crate::record::{CommitNumber, TopicPartition};
use crate::topics::origin;
use crate::wal::file::path;
use crate::wal::frame;
use crate::wal::scan;

/// The files of a partition, as far as they count.
#[derive(Debug)]
pub(crate) struct PartitionFiles {
    pub(crate) dir: Arc<str>,
    pub(crate) of: TopicPartition,
    pub(crate) segments: Vec<SegmentCut>,
    pub(crate) runs: Vec<RunId>,
}

/// What a log is after its write-ahead log was applied.
#[derive(Debug)]
pub(crate) struct Replayed {
    pub(crate) last: CommitNumber,
    pub(crate) partitions: Vec<PartitionFiles>,
}

/// A write-ahead file that was looked at.
#[derive(Debug)]
pub(crate) struct ScannedFile {
    pub(crate) path: String,
    pub(crate) bytes: u64,
    /// Where it is damaged, and how.
    pub(crate) damage: Option<(u64, String)>,
}

/// Applies the write-ahead log after a checkpoint without changing a file.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(crate) fn replay(disk: &Arc<dyn Disk>, cut: &Cut) -> Result<Replayed> {
    let files = wal_files(&**disk)?;
    let mut state = restore(disk, cut)?;
    let mut replay = Replay::new(&**disk, &mut state);
    replay.mode = OpenMode::Read;
    replay.run(cut, &files)?;
    let topics = state.topics.all();
    let partitions = topics.flat_map(|topic| &topic.partitions);
    Ok(Replayed {
        last: state.last,
        partitions: partitions.map(in_use).collect(),
    })
}

fn in_use(partition: &Arc<Partition>) -> PartitionFiles {
    let view = partition.view();
    let segments = view.segments().iter().map(|segment| SegmentCut {
        base: segment.base(),
        revision: segment.revision(),
        extent: segment.flushed(),
    });
    PartitionFiles {
        dir: Arc::clone(&partition.dir),
        of: partition.name.clone(),
        segments: segments.collect(),
        runs: partition
            .keys()
            .map_or_else(Vec::new, |k| k.manifest().runs),
    }
}

/// The files that a checkpoint names.
pub(crate) fn files_of(disk: &Arc<dyn Disk>, cut: &Cut) -> Vec<PartitionFiles> {
    let mut all = Vec::new();
    for topic in &cut.topics {
        for (number, partition) in (0..).zip(&topic.partitions) {
            let origin = origin(disk, &topic.name, topic.id, number, &topic.config);
            let index = partition.index.as_ref();
            all.push(PartitionFiles {
                dir: origin.dir,
                of: origin.name,
                segments: partition.segments.clone(),
                runs: index.map_or_else(Vec::new, |index| index.runs.clone()),
            });
        }
    }
    all
}

/// Looks at the write-ahead files after a checkpoint.
///
/// # Errors
/// `Unavailable`.
pub(crate) fn scan_files(disk: &dyn Disk, cut: &Cut) -> Result<Vec<ScannedFile>> {
    let chain = Chain::read(disk, cut.wal, &wal_files(disk)?, OpenMode::Read)?;
    let mut found: Vec<ScannedFile> = chain.links.iter().rev().map(scan_file).collect();
    found.extend(chain.damaged.map(|(generation, at)| ScannedFile {
        path: path(generation),
        bytes: 0,
        damage: Some((at, DAMAGED.to_owned())),
    }));
    found.extend(chain.foreign.map(|(generation, version)| ScannedFile {
        path: path(generation),
        bytes: 0,
        damage: Some((
            VERSION_AT,
            of_version(generation, version).message().to_owned(),
        )),
    }));
    Ok(found)
}

/// Where a file says the version of its format.
const VERSION_AT: u64 = 7;

const DAMAGED: &str = "durable frame is damaged";

fn scan_file(link: &Link) -> ScannedFile {
    let from = link.from as usize;
    let frames = scan::scan(&link.bytes, link.generation, from, link.durable);
    let header = frame::file_header_damage(&link.bytes, link.generation);
    let damage = match (header, frames) {
        (Some(at), _) => Some((at as u64, "header of the file is damaged".to_owned())),
        (None, Err(damage)) => Some((damage.at, DAMAGED.to_owned())),
        (None, Ok(_)) => None,
    };
    ScannedFile {
        path: path(link.generation),
        bytes: link.bytes.len() as u64,
        damage,
    }
}
