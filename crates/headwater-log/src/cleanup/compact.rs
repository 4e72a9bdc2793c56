//! Compaction of one partition, done: what the plan allows is read, what is left is written to new segments, and one
//! change of the metadata puts these in the place of the old ones.

use std::sync::Arc;

use super::newest::NewestMap;
use super::plan::Plan;
use super::rewrite::{Rewritten, Rules, rewrite};
use crate::batch::LogBatch;
use crate::change::Compacted;
use crate::checkpoint::SegmentCut;
use crate::clock::Timestamp;
use crate::disk::Disk;
use crate::error::{Result, storage};
use crate::partition::Partition;
use crate::segment::file::{Caching, Placed};
use crate::segment::{Extent, Segment};

/// Entries of a segment's index that are read at a time.
const ENTRIES_AT_ONCE: u32 = 256;
/// Bytes of batches that are collected before they are written.
const WRITE_BYTES: u64 = 1 << 20;

/// One round of compaction.
#[derive(Debug)]
pub(crate) struct Compaction<'a> {
    pub(crate) disk: &'a dyn Disk,
    pub(crate) partition: &'a Partition,
    /// The closed segments, from the first.
    pub(crate) segments: &'a [Arc<Segment>],
    pub(crate) plan: Plan,
    /// The first offset of the partition.
    pub(crate) start: u64,
    pub(crate) now: Timestamp,
    pub(crate) delete_retention_ms: i64,
    /// The most keys that one round looks at.
    pub(crate) keys_max: usize,
}

impl Compaction<'_> {
    /// Writes the new files and says what they replace; `None` if there is nothing to do.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`; the partition is as before.
    pub(crate) fn run(self) -> Result<Option<Compacted>> {
        let mut newest = NewestMap::new(self.keys_max.max(1));
        let (count, end) = self.note_newest(&mut newest)?;
        let old = &self.segments[..count];
        let rules = Rules {
            newest: &newest,
            end,
            now: self.now,
            delete_retention_ms: self.delete_retention_ms,
        };
        let Some(first) = old.first() else {
            return Ok(None);
        };
        let mut output = Output::new(&self, first, old);
        for segment in old {
            self.rewrite_segment(segment, &rules, &mut output)?;
        }
        if !output.changed && count == 1 && end == self.plan.end {
            output.discard()?;
            return Ok(None);
        }
        let (new, kept) = output.finish()?;
        let is_kept = |offset| kept.binary_search(&offset).is_ok();
        let run = match self.partition.keys() {
            Some(keys) => keys.compacted(self.plan.dirty_from.min(end)..end, is_kept)?,
            None => None,
        };
        Ok(Some(Compacted {
            topic: self.partition.topic,
            partition: self.partition.name.partition,
            old: old.iter().map(|s| (s.base(), s.revision())).collect(),
            new,
            run,
            cleaned: end,
        }))
    }

    /// Fills the map from the part that is new; gives how many segments are to be rewritten, and before which offset every
    /// key of the new part is in the map: that may be in the midst of the last of these segments.
    fn note_newest(&self, newest: &mut NewestMap) -> Result<(usize, u64)> {
        let mut covered = (0, 0);
        for (index, segment) in self.segments[..self.plan.segments].iter().enumerate() {
            let end = self.end_of(index);
            let full = match end > self.plan.dirty_from {
                true => self.note_segment(segment, newest)?,
                false => None,
            };
            match full {
                None => covered = (index + 1, end),
                // Only what is new in this segment was too much: the next round goes on there.
                Some(full) if covered.1 <= self.plan.dirty_from => return Ok((index + 1, full)),
                Some(_) => return Ok(covered),
            }
        }
        Ok(covered)
    }

    fn end_of(&self, index: usize) -> u64 {
        let next = self.segments[..self.plan.segments].get(index + 1);
        next.map_or(self.plan.end, |next| next.base())
    }

    /// Notes the keys of the new part of a segment; gives the offset from which on there was no room for all.
    fn note_segment(&self, segment: &Segment, newest: &mut NewestMap) -> Result<Option<u64>> {
        let mut full = None;
        self.each_batch(segment, |batch, _| {
            if batch.is_control() {
                return Ok(());
            }
            batch.for_each(|record| {
                let offset = record.offset.0;
                let is_new = full.is_none() && offset >= self.plan.dirty_from;
                if let Some(key) = record.key.filter(|_| is_new)
                    && !newest.note(key, offset)
                {
                    full = Some(offset);
                }
            })
        })?;
        Ok(full)
    }

    fn rewrite_segment(
        &self,
        segment: &Segment,
        rules: &Rules<'_>,
        output: &mut Output<'_>,
    ) -> Result<()> {
        self.each_batch(segment, |batch, commit| {
            if batch.last_offset().0 < self.start {
                output.changed = true;
                return Ok(());
            }
            match rewrite(&batch, rules, |offset| output.keep(offset))? {
                Rewritten::Same => output.add(batch, commit),
                Rewritten::Smaller(smaller) => {
                    output.changed = true;
                    output.add(smaller, commit)
                }
                Rewritten::Gone => {
                    output.changed = true;
                    Ok(())
                }
            }
        })
    }

    fn each_batch(
        &self,
        segment: &Segment,
        mut f: impl FnMut(LogBatch, u64) -> Result<()>,
    ) -> Result<()> {
        let mut at = 0;
        loop {
            let entries = segment.entries(self.disk, at, ENTRIES_AT_ONCE)?;
            if entries.is_empty() {
                return Ok(());
            }
            at += entries.len() as u32;
            for entry in &entries {
                for batch in segment.read(self.disk, std::slice::from_ref(entry))? {
                    f(batch, entry.commit)?;
                }
            }
        }
    }
}

/// The new segments.
struct Output<'a> {
    disk: &'a dyn Disk,
    dir: Arc<str>,
    revision: u32,
    segment_bytes: u64,
    /// Whether anything differs from before.
    changed: bool,
    done: Vec<SegmentCut>,
    segment: Segment,
    /// What the segment holds, with what is pending.
    extent: Extent,
    pending: Vec<(LogBatch, u32, u64)>,
    pending_bytes: u64,
    /// The offsets that are left, if there is a key index to be told.
    kept: Option<Vec<u64>>,
}

impl<'a> Output<'a> {
    fn new(compaction: &Compaction<'a>, first: &Segment, old: &[Arc<Segment>]) -> Self {
        let dir = Arc::clone(&compaction.partition.dir);
        let revision = old.iter().map(|s| s.revision()).max().map_or(1, |r| r + 1);
        Self {
            disk: compaction.disk,
            revision,
            segment_bytes: compaction.partition.segment_bytes(),
            changed: false,
            done: Vec::new(),
            segment: Segment::new(Arc::clone(&dir), first.base(), revision, Extent::EMPTY),
            dir,
            extent: Extent::EMPTY,
            pending: Vec::new(),
            pending_bytes: 0,
            kept: compaction.partition.has_keys().then(Vec::new),
        }
    }

    fn keep(&mut self, offset: u64) {
        if let Some(kept) = &mut self.kept {
            kept.push(offset);
        }
    }

    fn add(&mut self, batch: LogBatch, commit: u64) -> Result<()> {
        let bytes = batch.bytes().len() as u64;
        let base = batch.base_offset().0;
        let too_far = batch.last_offset().0 - self.segment.base() > u64::from(u32::MAX);
        if self.extent.entries > 0 && (too_far || self.extent.bytes + bytes > self.segment_bytes) {
            self.close()?;
            let dir = Arc::clone(&self.dir);
            self.segment = Segment::new(dir, base, self.revision, Extent::EMPTY);
            self.extent = Extent::EMPTY;
        }
        let at = self.extent.bytes as u32;
        self.extent.bytes += bytes;
        self.extent.entries += 1;
        self.extent.max_timestamp = self.extent.max_timestamp.max(batch.max_timestamp().0);
        self.pending.push((batch, at, commit));
        self.pending_bytes += bytes;
        if self.pending_bytes >= WRITE_BYTES {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> Result<()> {
        if self.segment.flushed().entries == 0 {
            self.remove_files()?; // left by a crash before anything named them
        }
        let placed: Vec<Placed<'_>> = self
            .pending
            .iter()
            .map(|(batch, at, commit)| Placed {
                batch,
                at: *at,
                commit: *commit,
                direct: false,
            })
            .collect();
        self.segment.flush(self.disk, &placed, Caching::Keep)?;
        self.pending.clear();
        self.pending_bytes = 0;
        Ok(())
    }

    fn remove_files(&self) -> Result<()> {
        for path in [self.segment.data_path(), self.segment.index_path()] {
            let removed = self.disk.remove(&path);
            removed.map_err(|e| storage("segment", &path, e))?;
        }
        Ok(())
    }

    /// Ends the segment, durably.
    fn close(&mut self) -> Result<()> {
        self.write()?;
        self.segment.sync(self.disk)?;
        self.done.push(SegmentCut {
            base: self.segment.base(),
            revision: self.revision,
            extent: self.extent,
        });
        Ok(())
    }

    fn finish(mut self) -> Result<(Vec<SegmentCut>, Vec<u64>)> {
        self.close()?;
        let synced = self.disk.sync_dir(&self.dir);
        synced.map_err(|e| storage("directory", &self.dir, e))?;
        Ok((self.done, self.kept.unwrap_or_default()))
    }

    /// Nothing is needed of it.
    fn discard(self) -> Result<()> {
        self.remove_files()
    }
}
