//! Reading single records, scattered over a partition, as reads by key do. A batch that one of them lies in is read, checked
//! and taken apart once, and remembered within a bound of bytes: its other records, and the same one read again, cost neither a
//! system call nor a checksum (`docs/design/0012-reads-by-key.md`).

use std::sync::Arc;

use bytes::Bytes;

use crate::batch::{IndexedBatch, LogBatch, RecordRef};
use crate::cache::{Cache, Place};
use crate::error::Result;
use crate::partition::Partition;
use crate::record::{CommitNumber, Offset};
use crate::segment::{Located, Pages, Segment};
use crate::shared::Shared;

/// The part of the memory that indexes of segments get: an entry takes 32 bytes, the batch that it points to some thousands.
const PAGES_PART: usize = 8;

/// What is remembered of files.
#[derive(Debug)]
pub(crate) struct Lookups {
    pub(crate) pages: Pages,
    batches: Cache<Opened>,
}

impl Lookups {
    /// Within `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let pages = bytes_max / PAGES_PART;
        Self {
            pages: Pages::new(pages),
            batches: Cache::new(bytes_max - pages),
        }
    }

    /// Bytes that are taken.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.bytes() + self.batches.bytes()
    }
}

/// A batch and the commit that it came with.
#[derive(Debug)]
struct Opened {
    batch: IndexedBatch,
    commit: CommitNumber,
}

/// Where a batch can be had from.
enum Source {
    Memory(Place, LogBatch, CommitNumber),
    File(Arc<Segment>),
    /// Retention took it.
    Gone,
}

/// Reads single records of a partition, each as it was at some moment of this reader's life. Neighbouring offsets are cheapest:
/// records of one batch are found in it, and batches of one page of an index by that page.
pub(crate) struct Reader<'a> {
    shared: &'a Shared,
    partition: &'a Partition,
    last: Option<Arc<Opened>>,
    page: Option<Page>,
}

/// A page of a segment's index, and what tells of which segment it is.
struct Page {
    serial: u64,
    base: u64,
    located: Located,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(shared: &'a Shared, partition: &'a Partition) -> Self {
        Self {
            shared,
            partition,
            last: None,
            page: None,
        }
    }

    /// Gives `f` the record at a durable offset; `None` if retention or compaction took it meanwhile.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub(crate) fn read<T>(
        &mut self,
        offset: Offset,
        f: impl FnOnce(CommitNumber, RecordRef<'_>) -> T,
    ) -> Result<Option<T>> {
        let is_known = |opened: &Arc<Opened>| opened.batch.covers(offset);
        if !self.last.as_ref().is_some_and(is_known) {
            self.last = match self.nearby(offset) {
                Some(known) => Some(known),
                None => self.find(offset)?,
            };
        }
        let Some(opened) = &self.last else {
            return Ok(None);
        };
        let record = opened.batch.record(offset)?;
        Ok(record.map(|record| f(opened.commit, record)))
    }

    /// The batch in which an offset lies, if the page of the one before leads to it and it is remembered.
    fn nearby(&self, offset: Offset) -> Option<Arc<Opened>> {
        let page = self.page.as_ref()?;
        let entry = page.located.near(offset.0.checked_sub(page.base)?)?;
        let place = Place {
            segment: page.serial,
            at: entry.at,
        };
        let known = self.shared.lookups.batches.get(place)?;
        known.batch.covers(offset).then_some(known)
    }

    /// The batch in which an offset lies, or would.
    fn find(&mut self, offset: Offset) -> Result<Option<Arc<Opened>>> {
        loop {
            let segment = match self.source(offset) {
                Source::Gone => return Ok(None),
                Source::Memory(place, batch, commit) => {
                    return self.of_memory(place, &batch, commit).map(Some);
                }
                Source::File(segment) => segment,
            };
            let found = self.in_segment(&segment, offset);
            // If it is not part of the partition any more, its files may be gone: compaction wrote another in its place.
            if found.is_ok() || self.is_there(&segment) {
                return found;
            }
        }
    }

    fn source(&self, offset: Offset) -> Source {
        let view = self.partition.view();
        if !(view.start()..view.end()).contains(&offset) {
            return Source::Gone;
        }
        if let Some(mut tail) = view.tail_from(offset) {
            return tail.next().map_or(Source::Gone, |tail| {
                let place = Place {
                    segment: tail.segment.serial(),
                    at: tail.at,
                };
                Source::Memory(place, tail.batch.clone(), tail.commit)
            });
        }
        let segments = view.segments();
        let after = segments.partition_point(|s| s.base() <= offset.0);
        match after.checked_sub(1) {
            Some(at) => Source::File(Arc::clone(&segments[at])),
            None => Source::Gone,
        }
    }

    fn is_there(&self, segment: &Arc<Segment>) -> bool {
        let view = self.partition.view();
        view.segments().iter().any(|now| Arc::ptr_eq(now, segment))
    }

    /// A batch that is still in memory. It is copied, for it shares its memory with all that was written together with it.
    fn of_memory(
        &self,
        place: Place,
        batch: &LogBatch,
        commit: CommitNumber,
    ) -> Result<Arc<Opened>> {
        if let Some(known) = self.shared.lookups.batches.get(place) {
            return Ok(known);
        }
        let copy = LogBatch::trusted(Bytes::copy_from_slice(batch.bytes()));
        self.remember(place, &copy, commit)
    }

    fn in_segment(&mut self, segment: &Segment, offset: Offset) -> Result<Option<Arc<Opened>>> {
        let Shared { lookups, disk, .. } = self.shared;
        let wanted = offset.0 - segment.base();
        let Some(located) = lookups.pages.locate(&**disk, segment, wanted)? else {
            return Ok(None);
        };
        let entry = located.entry();
        self.page = Some(Page {
            serial: segment.serial(),
            base: segment.base(),
            located,
        });
        let place = Place {
            segment: segment.serial(),
            at: entry.at,
        };
        if let Some(known) = lookups.batches.get(place) {
            return Ok(Some(known));
        }
        match segment.read(&**disk, &[entry])?.first() {
            Some(batch) => self
                .remember(place, batch, CommitNumber(entry.commit))
                .map(Some),
            None => Ok(None),
        }
    }

    fn remember(
        &self,
        place: Place,
        batch: &LogBatch,
        commit: CommitNumber,
    ) -> Result<Arc<Opened>> {
        let batch = IndexedBatch::of(batch)?;
        let bytes = batch.bytes();
        let opened = Arc::new(Opened { batch, commit });
        self.shared.lookups.batches.insert(place, &opened, bytes);
        Ok(opened)
    }
}
