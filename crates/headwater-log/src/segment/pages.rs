//! [`Pages`]: the indexes of segments, a page of entries at a time, those that are used remembered. Whoever wants the batch
//! of an offset asks here.

use std::sync::Arc;

use super::file::Segment;
use super::index::{ENTRY_BYTES, IndexEntry};
use crate::cache::{Cache, Place};
use crate::disk::Disk;
use crate::error::Result;

/// Entries of a page.
const PAGE_ENTRIES: u32 = 64;
/// Guesses before the rest is halved.
const GUESSES: u32 = 4;

/// Pages of segments' indexes.
#[derive(Debug)]
pub(crate) struct Pages(Cache<Vec<IndexEntry>>);

/// An entry of a segment's index, with those around it.
#[derive(Debug)]
pub(crate) struct Located {
    /// Number of the first entry of the page.
    first: u32,
    /// Which entry of the page it is.
    at: usize,
    page: Arc<Vec<IndexEntry>>,
}

impl Located {
    pub(crate) fn number(&self) -> u32 {
        self.first + self.at as u32
    }

    pub(crate) fn entry(&self) -> IndexEntry {
        self.page[self.at]
    }

    /// The last entry of the page that does not begin after `wanted`.
    pub(crate) fn near(&self, wanted: u64) -> Option<&IndexEntry> {
        let after = self.page.partition_point(|e| u64::from(e.offset) <= wanted);
        self.page.get(after.checked_sub(1)?)
    }
}

impl Pages {
    /// Room for about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        Self(Cache::new(bytes_max))
    }

    /// Bytes that are taken.
    pub(crate) fn bytes(&self) -> usize {
        self.0.bytes()
    }

    /// The last entry of a segment that does not begin after `wanted`, an offset less the segment's; `None` if none does. Batches are much alike, so guessing by their offsets takes one or two pages where halving takes ten.
    pub(crate) fn locate(
        &self,
        disk: &dyn Disk,
        segment: &Segment,
        wanted: u64,
    ) -> Result<Option<Located>> {
        let count = segment.flushed().entries;
        // The pages that may hold it, and between which offsets they lie; the last one is looked at first.
        let (mut low, mut high) = (0, count.div_ceil(PAGE_ENTRIES));
        let (mut from, mut to): (u64, Option<u64>) = (0, None);
        let mut found = None;
        for step in 0.. {
            if low == high {
                break;
            }
            let guess = match to {
                None => high - 1,
                Some(_) if step > GUESSES => low + (high - low) / 2,
                Some(to) => low + ((wanted - from) * u64::from(high - low) / (to - from)) as u32,
            };
            let guess = guess.min(high - 1);
            let page = self.page(disk, segment, guess, count)?;
            let before = page.partition_point(|e| u64::from(e.offset) <= wanted);
            if let Some(last) = before.checked_sub(1) {
                (low, from) = (guess + 1, page[last].offset.into());
                let is_inner = before < page.len();
                found = Some(Located {
                    first: guess * PAGE_ENTRIES,
                    at: last,
                    page,
                });
                if is_inner {
                    break;
                }
            } else {
                (high, to) = (guess, page.first().map(|e| e.offset.into()));
            }
        }
        Ok(found)
    }

    /// A page of the first `count` entries of a segment. They never change, but more come to the last page.
    fn page(
        &self,
        disk: &dyn Disk,
        segment: &Segment,
        number: u32,
        count: u32,
    ) -> Result<Arc<Vec<IndexEntry>>> {
        let first = number * PAGE_ENTRIES;
        let wanted = PAGE_ENTRIES.min(count - first);
        let place = Place {
            segment: segment.serial(),
            at: number,
        };
        let known = self.0.get(place);
        if let Some(known) = known.filter(|page| page.len() >= wanted as usize) {
            return Ok(known);
        }
        let page = Arc::new(segment.entries(disk, first, PAGE_ENTRIES)?);
        self.0.insert(place, &page, page.len() * ENTRY_BYTES);
        Ok(page)
    }
}
