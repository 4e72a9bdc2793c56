//! What readers see of a partition: its bounds, its segments, and its newest batches in memory. A batch is in the
//! tail from the moment it is durable until the flush after the one that wrote it to its segment.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::batch::LogBatch;
use crate::record::{CommitNumber, Offset};
use crate::segment::Segment;

/// A durable batch in memory.
#[derive(Debug, Clone)]
pub(crate) struct Tail {
    pub(crate) batch: LogBatch,
    pub(crate) commit: CommitNumber,
    pub(crate) segment: Arc<Segment>,
    pub(crate) at: u32,
    /// Whether its bytes went straight to the segment.
    pub(crate) direct: bool,
}

/// What readers see.
///
/// Invariants: the offsets of `tail` ascend and end before `end`; `lasts` are their last offsets; the first `flushed` of them can be read from
/// their segments too, as can everything before the tail; segments ascend by base.
#[derive(Debug)]
pub(crate) struct View {
    start: u64,
    end: u64,
    segments: Vec<Arc<Segment>>,
    tail: VecDeque<Tail>,
    /// Beside the batches, so that searching them touches little memory.
    lasts: VecDeque<u64>,
    flushed: usize,
    queued: bool,
    /// The newest commit of the batches that are not in memory any more.
    evicted: CommitNumber,
}

impl View {
    pub(crate) fn new(start: u64, end: u64, segments: Vec<Arc<Segment>>) -> Self {
        Self {
            start,
            end,
            segments,
            tail: VecDeque::new(),
            lasts: VecDeque::new(),
            flushed: 0,
            queued: false,
            evicted: CommitNumber(0),
        }
    }

    /// The first offset that can be read.
    pub(crate) fn start(&self) -> Offset {
        Offset(self.start)
    }

    /// The durable end.
    pub(crate) fn end(&self) -> Offset {
        Offset(self.end)
    }

    /// Its segments in order; the last one is open.
    pub(crate) fn segments(&self) -> &[Arc<Segment>] {
        &self.segments
    }

    /// Makes a durable batch visible. Gives whether the partition is now to be queued for flushing.
    pub(crate) fn publish(&mut self, batch: Tail) -> bool {
        debug_assert!(batch.batch.base_offset().0 >= self.end);
        if self
            .segments
            .last()
            .is_none_or(|last| !Arc::ptr_eq(last, &batch.segment))
        {
            self.segments.push(Arc::clone(&batch.segment));
        }
        let last = batch.batch.last_offset();
        self.end = last.0 + 1;
        self.lasts.push_back(last.0);
        self.tail.push_back(batch);
        !std::mem::replace(&mut self.queued, true)
    }

    /// The batches in memory from `offset` on; `None` if memory does not go back so far.
    pub(crate) fn tail_from(&self, offset: Offset) -> Option<impl Iterator<Item = &Tail>> {
        let first = self.tail.front()?;
        (first.batch.base_offset() <= offset).then(|| {
            let from = self.lasts.partition_point(|last| *last < offset.0);
            self.tail.range(from..)
        })
    }

    /// The durable end as of a commit, a recent one; `None` if memory does not go back so far.
    pub(crate) fn end_at(&self, commit: CommitNumber) -> Option<Offset> {
        let newer = self.tail.partition_point(|t| t.commit <= commit);
        let end = match self.tail.get(newer) {
            Some(newer) => newer.batch.base_offset(),
            None => Offset(self.end),
        };
        (newer > 0 || self.evicted <= commit).then_some(end)
    }

    /// The first offset that is in memory; the end if none is.
    pub(crate) fn tail_start(&self) -> Offset {
        self.tail
            .front()
            .map_or(Offset(self.end), |t| t.batch.base_offset())
    }

    /// What is durable but not flushed.
    pub(crate) fn unflushed(&mut self) -> Vec<Tail> {
        self.queued = false;
        self.tail.range(self.flushed..).cloned().collect()
    }

    /// The next `count` batches are flushed.
    pub(crate) fn mark_flushed(&mut self, count: usize) {
        self.flushed += count;
    }

    /// Is to be flushed again although nothing new has come: a flush has failed.
    pub(crate) fn requeue(&mut self) {
        self.queued = true;
    }

    /// Forgets the flushed batches that end before `before`.
    pub(crate) fn evict(&mut self, before: Offset) {
        while self.flushed > 0 && self.lasts.front().is_some_and(|last| *last < before.0) {
            self.lasts.pop_front();
            if let Some(gone) = self.tail.pop_front() {
                self.evicted = gone.commit;
            }
            self.flushed -= 1;
        }
        if self.tail.is_empty() {
            self.tail.shrink_to(0);
            self.lasts.shrink_to(0);
        }
    }

    /// Moves the start and drops the segments before it; gives them.
    pub(crate) fn trim(&mut self, start: Offset) -> Vec<Arc<Segment>> {
        self.start = self.start.max(start.0);
        let gone = self
            .segments
            .iter()
            .skip(1)
            .take_while(|next| next.base() <= self.start)
            .count();
        self.segments.drain(..gone).collect()
    }

    /// Puts rewritten segments in the place of `old`; false, and nothing done, if those are not there any more.
    pub(crate) fn replace(&mut self, old: &[Arc<Segment>], new: Vec<Arc<Segment>>) -> bool {
        let Some(first) = old.first() else {
            return false;
        };
        let Some(at) = self.segments.iter().position(|s| Arc::ptr_eq(s, first)) else {
            return false;
        };
        let range = at..at + old.len();
        let same = self
            .segments
            .get(range.clone())
            .is_some_and(|now| now.iter().zip(old).all(|(a, b)| Arc::ptr_eq(a, b)));
        if same {
            self.segments.splice(range, new);
        }
        same
    }
}
