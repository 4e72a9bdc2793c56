//! What the frames of the write-ahead log say, applied to the state of the checkpoint.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;

use super::chain::{Chain, Link};
use super::damage::{corrupt, damaged, inside, of_version};
use super::restore::State;
use crate::batch::LogBatch;
use crate::change::Change;
use crate::checkpoint::Cut;
use crate::disk::{Disk, OpenMode};
use crate::error::{Result, storage};
use crate::partition::{Partition, Tail};
use crate::record::{CommitNumber, Offset};
use crate::segment::Segment;
use crate::topic::check_name;
use crate::wal::file::{WalPosition, path};
use crate::wal::frame::{self, FrameKind, MARK_BYTES};
use crate::wal::payload::{self, BatchEntry};
use crate::wal::scan;

/// Applies the frames of the write-ahead log.
pub(super) struct Replay<'a> {
    disk: &'a dyn Disk,
    state: &'a mut State,
    pub(super) mode: OpenMode,
    /// Whether a mark says that the newest file ends where it seems to.
    is_marked: bool,
}

impl<'a> Replay<'a> {
    pub(super) fn new(disk: &'a dyn Disk, state: &'a mut State) -> Self {
        Self {
            disk,
            state,
            mode: OpenMode::Write,
            is_marked: true,
        }
    }

    /// Applies all frames after the checkpoint; gives where they end.
    pub(super) fn run(&mut self, cut: &Cut, files: &BTreeMap<u32, u64>) -> Result<WalPosition> {
        let mut end = cut.wal;
        if cut.wal.generation > 0 && !files.contains_key(&cut.wal.generation) {
            return Err(corrupt(format!(
                "write-ahead file \"{}\" is missing",
                path(cut.wal.generation)
            )));
        }
        let mut chain = Chain::read(self.disk, cut.wal, files, self.mode)?;
        if let Some((generation, version)) = chain.foreign {
            return Err(of_version(generation, version));
        }
        while let Some(link) = chain.next(end)? {
            end = self.apply_file(link)?;
        }
        if self.mode != OpenMode::Read && !self.is_marked {
            self.mark(end)
                .map_err(|e| storage("write-ahead file", &path(end.generation), e))?;
        }
        Ok(end)
    }

    /// What was recovered will be shown to readers: from now on it is not to be taken for a torn end.
    fn mark(&self, end: WalPosition) -> std::io::Result<()> {
        let file = self.disk.open(&path(end.generation), self.mode)?;
        if end.at + MARK_BYTES as u64 <= file.size()? {
            let mark = frame::mark(end.generation, end.at, self.state.last.0 + 1);
            file.write_at(&mark, end.at)?;
            file.sync()?;
        }
        Ok(())
    }

    fn apply_file(&mut self, link: Link) -> Result<WalPosition> {
        let found = scan::scan(
            &link.bytes,
            link.generation,
            link.from as usize,
            link.durable,
        );
        let found = found.map_err(|damage| damaged(link.generation, damage.at))?;
        for frame in &found.frames {
            let at = frame.payload.start as u64;
            match frame.header.kind {
                FrameKind::Start | FrameKind::Mark => {}
                FrameKind::Commit if frame.header.commit <= self.state.last.0 => {}
                FrameKind::Commit if frame.header.commit == self.state.last.0 + 1 => {
                    let payload = link.bytes.slice(frame.payload.clone());
                    self.apply_commit(frame.header.commit, &payload)
                        .map_err(|e| inside(link.generation, at, &e))?;
                }
                FrameKind::Commit => return Err(damaged(link.generation, at)),
            }
        }
        self.is_marked = found.is_marked;
        Ok(WalPosition {
            generation: link.generation,
            at: found.end as u64,
        })
    }

    fn apply_commit(&mut self, number: u64, payload: &Bytes) -> Result<()> {
        let payload = payload::decode(payload)?;
        for entry in payload.batches {
            self.apply_batch(number, entry)?;
        }
        self.state.positions.set(payload.positions);
        for change in &payload.changes {
            check_change(change)?;
            self.state.topics.apply(change);
        }
        self.state.last = CommitNumber(number);
        Ok(())
    }

    fn apply_batch(&mut self, number: u64, entry: BatchEntry) -> Result<()> {
        let partition = self
            .state
            .topics
            .partition_by_id(entry.topic, entry.partition)
            .cloned()
            .ok_or_else(|| corrupt(format!("topic {} is not known", entry.topic)))?;
        let direct = entry.bytes.is_none();
        let bytes = match entry.bytes {
            Some(bytes) => bytes,
            None => self.read_direct(&partition, &entry)?,
        };
        let batch = LogBatch::parse(bytes)?;
        let mut lane = partition.lane();
        let fits = {
            let (open, extent) = lane.open_segment();
            let goes_on = entry.segment == open.base() && u64::from(entry.at) == extent.bytes;
            goes_on || (entry.segment == entry.base && entry.at == 0)
        };
        let is_next = batch.base_offset() == Offset(entry.base) && lane.next() == entry.base;
        if !(fits && is_next) {
            return Err(corrupt(format!(
                "batch at offset {} of \"{}\" is not the next one",
                entry.base, partition.name
            )));
        }
        let len = batch.bytes().len();
        let segment = lane.replace(
            entry.segment,
            len as u64,
            batch.next_offset().0,
            batch.max_timestamp().0,
        );
        drop(lane);
        index(&partition, &batch)?;
        partition.view().publish(Tail {
            batch,
            commit: CommitNumber(number),
            segment,
            at: entry.at,
            direct,
        });
        self.count(partition, len, if direct { len } else { 0 });
        Ok(())
    }

    fn count(&mut self, partition: Arc<Partition>, bytes: usize, direct: usize) {
        let known = |(p, _, _): &&mut (Arc<Partition>, usize, usize)| Arc::ptr_eq(p, &partition);
        match self.state.dirty.iter_mut().rev().find(known) {
            Some((_, b, d)) => {
                *b += bytes;
                *d += direct;
            }
            None => self.state.dirty.push((partition, bytes, direct)),
        }
    }

    /// A batch that went straight to its segment.
    fn read_direct(&self, partition: &Partition, entry: &BatchEntry) -> Result<Bytes> {
        let segment = Segment::new(
            Arc::clone(&partition.dir),
            entry.segment,
            0,
            crate::segment::Extent::EMPTY,
        );
        let path = segment.data_path();
        let read = || {
            let file = self.disk.open(&path, OpenMode::Read)?;
            if file.size()? < u64::from(entry.at) + u64::from(entry.len) {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
            let mut bytes = vec![0; entry.len as usize];
            file.read_at(&mut bytes, entry.at.into())?;
            Ok(bytes)
        };
        let bytes = read().map_err(|e| storage("segment", &path, e))?;
        Ok(bytes.into())
    }
}

/// What another program may have written is not to be believed.
fn check_change(change: &Change) -> Result<()> {
    match change {
        Change::CreateTopic { config, name, .. } => {
            check_name(name)?;
            config.check()
        }
        Change::AlterTopic { config, .. } => config.check(),
        _ => Ok(()),
    }
}

/// Takes a batch into the key index, if there is one.
fn index(partition: &Partition, batch: &LogBatch) -> Result<()> {
    let Some(keys) = partition.keys() else {
        return Ok(());
    };
    let entries = keys.entries_of(batch)?;
    let earlier = keys.prepare(&entries)?;
    let (start, base) = (partition.view().start(), batch.base_offset());
    keys.apply(start.0, base.0, (&entries, &earlier));
    Ok(())
}
