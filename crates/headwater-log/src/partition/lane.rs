//! Where the next batch of a partition goes. Only the writer moves it, ahead of what is durable by one group.

use std::sync::Arc;

use crate::segment::{Extent, Segment};

/// The place that a batch got.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// Its first offset.
    pub(crate) base: u64,
    /// Its segment.
    pub(crate) segment: Arc<Segment>,
    /// Where in the segment.
    pub(crate) at: u32,
}

/// The end of a partition as the writer sees it.
///
/// Invariants: `next` is the offset after the last batch placed; `extent` is what its segment will hold once all
/// placed batches are flushed.
#[derive(Debug, Clone)]
pub(crate) struct Lane {
    next: u64,
    segment: Arc<Segment>,
    extent: Extent,
}

impl Lane {
    pub(crate) fn new(next: u64, segment: Arc<Segment>, extent: Extent) -> Self {
        Self {
            next,
            segment,
            extent,
        }
    }

    /// The offset of the next record.
    pub(crate) fn next(&self) -> u64 {
        self.next
    }

    /// The open segment and how far it goes.
    pub(crate) fn open_segment(&self) -> (&Arc<Segment>, Extent) {
        (&self.segment, self.extent)
    }

    /// Places a batch of `count` offsets and `bytes` bytes; begins a segment if the open one is full.
    pub(crate) fn place(
        &mut self,
        bytes: u64,
        count: u64,
        max_timestamp: i64,
        segment_bytes: u64,
    ) -> Place {
        let full = self.extent.bytes + bytes > segment_bytes
            || self.next + count - self.segment.base() > u64::from(u32::MAX);
        if full && self.extent.entries > 0 {
            self.roll(self.next);
        }
        let place = Place {
            base: self.next,
            segment: Arc::clone(&self.segment),
            at: self.extent.bytes as u32,
        };
        self.advance(bytes, self.next + count, max_timestamp);
        place
    }

    /// Repeats, at recovery, a placement that was made before.
    pub(crate) fn replace(
        &mut self,
        segment: u64,
        bytes: u64,
        next: u64,
        max_timestamp: i64,
    ) -> Arc<Segment> {
        if segment != self.segment.base() {
            self.roll(segment);
        }
        self.advance(bytes, next, max_timestamp);
        Arc::clone(&self.segment)
    }

    /// Takes back all placements since `before` was the lane.
    pub(crate) fn restore(&mut self, before: Self) {
        before.segment.seal(None);
        *self = before;
    }

    fn advance(&mut self, bytes: u64, next: u64, max_timestamp: i64) {
        self.next = next;
        self.extent.bytes += bytes;
        self.extent.entries += 1;
        self.extent.max_timestamp = self.extent.max_timestamp.max(max_timestamp);
    }

    fn roll(&mut self, base: u64) {
        self.segment.seal(Some(self.extent));
        let dir = self.segment.dir().into();
        self.segment = Arc::new(Segment::new(dir, base, 0, Extent::EMPTY));
        self.extent = Extent::EMPTY;
    }
}
