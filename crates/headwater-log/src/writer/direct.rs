//! Batches that go straight to their segments: written while the group before is synced, and taken back if the disk has
//! no room for them.

use std::sync::Arc;

use super::encode::Encoded;
use super::group::Group;
use crate::disk::{Disk, OpenMode};
use crate::error::{Error, ErrorKind, Result, storage};
use crate::partition::{Lane, Partition, Tail};
use crate::segment::Segment;
use crate::shared::Shared;

/// What to do when batches could not be written.
#[derive(Debug)]
pub(super) enum WriteError {
    /// Nothing that counts was written: take back what was decided.
    Undo(Error),
    /// It is unknown what is on the disk.
    Poison(Error),
}

/// Writes what goes straight to segments; gives the segments that are to be synced before the group's frames are written.
pub(super) fn write(disk: &dyn Disk, encoded: &Encoded) -> Result<Vec<Arc<Segment>>, WriteError> {
    let mut segments: Vec<Arc<Segment>> = Vec::new();
    let direct = encoded.visible.iter().map(|(_, tail)| tail);
    let direct: Vec<&Tail> = direct.filter(|tail| tail.direct).collect();
    for run in direct.chunk_by(|a, b| is_followed(a, b)) {
        let [first, ..] = run else { continue };
        let parts: Vec<&[u8]> = run.iter().map(|tail| &tail.batch.bytes()[..]).collect();
        let segment = &first.segment;
        let files = segment.files(disk, OpenMode::Create);
        files
            .and_then(|files| {
                let written = files.data.write_parts(&parts, first.at.into());
                written.map_err(|e| storage("segment", &segment.data_path(), e))
            })
            .map_err(undo_if_full)?;
        note(&mut segments, segment);
    }
    Ok(segments)
}

/// Whether `next` lies right behind `batch` in the same segment.
fn is_followed(batch: &Tail, next: &Tail) -> bool {
    let end = u64::from(batch.at) + batch.batch.bytes().len() as u64;
    Arc::ptr_eq(&batch.segment, &next.segment) && end == u64::from(next.at)
}

/// Adds a segment to those that are to be synced.
pub(super) fn note(segments: &mut Vec<Arc<Segment>>, segment: &Arc<Segment>) {
    if !segments.iter().any(|s| Arc::ptr_eq(s, segment)) {
        segments.push(Arc::clone(segment));
    }
}

/// Syncs the batches of segments.
///
/// # Errors
/// `Closed`: it is unknown what is on the disk.
pub(super) fn sync(disk: &dyn Disk, segments: &[Arc<Segment>]) -> Result<()> {
    for segment in segments {
        let files = segment.files(disk, OpenMode::Write)?;
        segment
            .sync_names(disk)
            .and_then(|()| files.data.sync())
            .map_err(|e| {
                Error::new(ErrorKind::Closed, "segment cannot be synced").with_source(e)
            })?;
    }
    Ok(())
}

fn undo_if_full(error: Error) -> WriteError {
    match error.kind() {
        ErrorKind::Unavailable => WriteError::Undo(error),
        _ => WriteError::Poison(error),
    }
}

/// What a group changes before it is written, as it is before it.
#[derive(Debug)]
pub(super) struct Undo {
    /// The partitions that it appends to.
    lanes: Vec<(Arc<Partition>, Lane)>,
    /// Bytes that all commits so far have taken.
    placed: u64,
}

impl Undo {
    /// What it takes to take a group back.
    pub(super) fn before(group: &Group, placed: u64) -> Self {
        let mut lanes: Vec<(Arc<Partition>, Lane)> = Vec::new();
        for append in group.commits.iter().flat_map(|(c, _)| &c.appends) {
            if !lanes.iter().any(|(p, _)| Arc::ptr_eq(p, &append.partition)) {
                let lane = append.partition.lane().clone();
                lanes.push((Arc::clone(&append.partition), lane));
            }
        }
        Self { lanes, placed }
    }

    /// Takes the group back: its offsets and places are given out again, its records are not indexed.
    pub(super) fn apply(self, shared: &Shared) {
        shared.budget.restore(self.placed);
        for (partition, lane) in self.lanes {
            if let Some(keys) = partition.keys() {
                keys.cut(lane.next());
            }
            partition.lane().restore(lane);
        }
    }
}
