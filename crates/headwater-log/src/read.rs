//! Reading a partition: the newest batches from memory, older ones from their segments. Only what is durable.

use crate::batch::LogBatch;
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::partition::Partition;
use crate::record::{CommitNumber, Offset};
use crate::segment::Segment;
use crate::segment::index::IndexEntry;
use crate::shared::Shared;

use std::sync::Arc;

/// Entries of an index that are read at a time.
const ENTRIES_AT_ONCE: u32 = 1024;

/// No batch is smaller, so this many bytes need no more than one entry.
const BATCH_BYTES_MIN: usize = 61;

/// What a fetch found.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The batches, in order; the first may begin before the offset that was asked for.
    pub batches: Vec<LogBatch>,
    /// For each batch the commit that it came with.
    pub commits: Vec<CommitNumber>,
    /// The first offset of the partition.
    pub start: Offset,
    /// The durable end of the partition.
    pub end: Offset,
}

impl Fetched {
    /// Adds a batch, unless there are some and it would be too much; gives whether it was added.
    fn add(&mut self, batch: LogBatch, commit: CommitNumber, left: &mut usize) -> bool {
        let bytes = batch.bytes().len();
        if bytes > *left && !self.batches.is_empty() {
            return false;
        }
        *left = left.saturating_sub(bytes);
        self.batches.push(batch);
        self.commits.push(commit);
        true
    }
}

/// The batches from `offset` on.
pub(crate) fn fetch(
    shared: &Shared,
    partition: &Partition,
    offset: Offset,
    max_bytes: usize,
) -> Result<Fetched> {
    let view = partition.view();
    let mut fetched = Fetched {
        batches: Vec::new(),
        commits: Vec::new(),
        start: view.start(),
        end: view.end(),
    };
    check_range(partition, &fetched, offset)?;
    if offset == fetched.end {
        return Ok(fetched);
    }
    if let Some(tail) = view.tail_from(offset) {
        let mut left = max_bytes;
        for batch in tail {
            if !fetched.add(batch.batch.clone(), batch.commit, &mut left) {
                break;
            }
        }
        return Ok(fetched);
    }
    let segments = view.segments();
    let first = segments
        .partition_point(|s| s.base() <= offset.0)
        .saturating_sub(1);
    let candidates: Vec<Arc<Segment>> = segments[first..].iter().take(2).cloned().collect();
    // Where it goes on if compaction has left nothing in these two.
    let next = segments.get(first + 2).map(|s| Offset(s.base()));
    let next = next.unwrap_or(view.tail_start());
    drop(view);
    let read = fetch_segments(shared, &candidates, offset, max_bytes, &mut fetched);
    if read.is_err() && !are_there(partition, &candidates) {
        return fetch(shared, partition, offset, max_bytes);
    }
    read?;
    if fetched.batches.is_empty() && next > offset {
        return fetch(shared, partition, next, max_bytes);
    }
    Ok(fetched)
}

/// Whether segments are still part of the partition: if not, their files may be gone.
fn are_there(partition: &Partition, segments: &[Arc<Segment>]) -> bool {
    let view = partition.view();
    let is_there = |s: &Arc<Segment>| view.segments().iter().any(|now| Arc::ptr_eq(now, s));
    segments.iter().all(is_there)
}

fn check_range(partition: &Partition, bounds: &Fetched, offset: Offset) -> Result<()> {
    let (start, end) = (bounds.start, bounds.end);
    if (start..=end).contains(&offset) {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!(
            "offset {} of \"{}\" cannot be read: it has {} to {}",
            offset.0, partition.name, start.0, end.0
        ),
    ))
}

fn fetch_segments(
    shared: &Shared,
    segments: &[Arc<Segment>],
    offset: Offset,
    max_bytes: usize,
    into: &mut Fetched,
) -> Result<()> {
    for segment in segments {
        let mut entries = entries_from(shared, segment, offset, max_bytes)?;
        while let Some(first) = entries.first() {
            let most = u64::from(first.at).saturating_add(max_bytes as u64);
            let fits = |e: &IndexEntry| u64::from(e.at) + u64::from(e.len) <= most;
            entries.truncate(entries.iter().take_while(|e| fits(e)).count().max(1));
            let batches = segment.read(&*shared.disk, &entries)?;
            for (batch, entry) in batches.into_iter().zip(&entries) {
                if batch.last_offset() >= offset {
                    into.batches.push(batch);
                    into.commits.push(CommitNumber(entry.commit));
                }
            }
            if !into.batches.is_empty() {
                return Ok(());
            }
            // Only batches that end before the offset, left so by compaction: go on behind them.
            let last = entries.last().map_or(u64::MAX, |e| u64::from(e.offset));
            let after = |e: &IndexEntry| u64::from(e.offset) > last;
            let next = segment.search(&*shared.disk, after)?;
            entries = segment.entries(&*shared.disk, next, ENTRIES_AT_ONCE)?;
        }
    }
    Ok(())
}

/// The entries from the one that `offset` lies in, or would.
fn entries_from(
    shared: &Shared,
    segment: &Segment,
    offset: Offset,
    max_bytes: usize,
) -> Result<Vec<IndexEntry>> {
    let wanted = offset.0.saturating_sub(segment.base());
    let first = entry_at(shared, segment, wanted)?;
    let most = (max_bytes / BATCH_BYTES_MIN).clamp(2, ENTRIES_AT_ONCE as usize);
    segment.entries(&*shared.disk, first, most as u32)
}

/// Number of the last entry that does not begin after `wanted`, an offset less the segment's; 0 if none does.
fn entry_at(shared: &Shared, segment: &Segment, wanted: u64) -> Result<u32> {
    let pages = &shared.lookups.pages;
    let found = pages.locate(&*shared.disk, segment, wanted)?;
    Ok(found.map_or(0, |found| found.number()))
}

/// The first offset whose record is not older than `time`.
pub(crate) fn offset_at(shared: &Shared, partition: &Partition, time: Timestamp) -> Result<Offset> {
    // What is flushed after this look is in both, and what is evicted is in the segments.
    let (segments, tail, start, end) = {
        let view = partition.view();
        let tail = view.tail_from(view.tail_start()).into_iter().flatten();
        let tail = tail.map(|t| t.batch.clone());
        let tail: Vec<LogBatch> = tail.filter(|b| b.max_timestamp() >= time).collect();
        (view.segments().to_vec(), tail, view.start(), view.end())
    };
    for segment in &segments {
        match first_in(shared, segment, time, start) {
            Ok(Some(offset)) => return Ok(offset),
            Ok(None) => {}
            Err(_) if !are_there(partition, &segments) => {
                return offset_at(shared, partition, time);
            }
            Err(error) => return Err(error),
        }
    }
    for batch in tail {
        if let Some(offset) = first_at(&batch, time, start)? {
            return Ok(offset);
        }
    }
    Ok(end)
}

/// The first such offset in what is flushed of a segment.
fn first_in(
    shared: &Shared,
    segment: &Segment,
    time: Timestamp,
    start: Offset,
) -> Result<Option<Offset>> {
    // The times of the index count what was trimmed too, so behind a trim within the segment all batches are asked.
    let trimmed = start.0.saturating_sub(segment.base());
    let late = |e: &IndexEntry| e.max_timestamp >= time.0;
    let mut at = match trimmed {
        0 => segment.search(&*shared.disk, late)?,
        _ => entry_at(shared, segment, trimmed)?,
    };
    loop {
        let entries = segment.entries(&*shared.disk, at, ENTRIES_AT_ONCE)?;
        if entries.is_empty() {
            return Ok(None);
        }
        at += entries.len() as u32;
        for entry in entries.iter().filter(|e| late(e)) {
            for batch in segment.read(&*shared.disk, std::slice::from_ref(entry))? {
                if let Some(offset) = first_at(&batch, time, start)? {
                    return Ok(Some(offset));
                }
            }
        }
    }
}

fn first_at(batch: &LogBatch, time: Timestamp, start: Offset) -> Result<Option<Offset>> {
    let mut first = None;
    if batch.max_timestamp() < time {
        return Ok(None);
    }
    batch.for_each(|record| {
        if first.is_none() && record.timestamp >= time && record.offset >= start {
            first = Some(record.offset);
        }
    })?;
    Ok(first)
}
