//! [`Packing`]: records of one partition become batches as they come, and, if it has a key index, entries of that.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::request::{PreparedAppend, PreparedBatch};
use crate::batch::{BatchBuilder, Chunk, Codec, LogBatch, RecordRef};
use crate::clock::Timestamp;
use crate::error::Result;
use crate::keyindex::Entries;
use crate::options::Options;
use crate::partition::Partition;
use crate::record::{Offset, Record};

/// About how large the batches of topics with a key index become at most: whoever reads by key reads whole batches for
/// single records.
const KEYED_BATCH_BYTES: usize = 8 << 10;

thread_local! {
    /// Where small batches lie until the writer has copied them into a group.
    static CHUNK: RefCell<Chunk> = RefCell::default();
}

/// Encodes records that get consecutive offsets, from 0.
#[derive(Debug)]
pub(crate) struct Packing {
    codec: Codec,
    batch_bytes: usize,
    direct_bytes: usize,
    builder: BatchBuilder,
    batches: SmallVec<[PreparedBatch; 1]>,
    entries: Option<Entries>,
    next: u64,
}

impl Packing {
    /// For a partition. The first batch gets `room` for its records at once, within reason.
    pub(crate) fn new(partition: &Partition, codec: Codec, options: &Options, room: usize) -> Self {
        let batch_bytes = match partition.has_keys() {
            true => options.batch_bytes.min(KEYED_BATCH_BYTES),
            false => options.batch_bytes,
        };
        let room = room.min(batch_bytes + batch_bytes / 4);
        Self {
            codec,
            batch_bytes,
            direct_bytes: options.direct_bytes,
            builder: BatchBuilder::with_capacity(Offset(0), codec, room),
            batches: SmallVec::new(),
            entries: partition.keys().map(|keys| keys.entries()),
            next: 0,
        }
    }

    /// Adds a record; one without a timestamp gets `now`.
    ///
    /// # Errors
    /// `Invalid` if it is too large.
    pub(crate) fn push(&mut self, record: &Record, now: Timestamp) -> Result<()> {
        self.turn_over()?;
        self.builder.push(Offset(self.next), record, now)?;
        if let Some(entries) = &mut self.entries {
            let headers = record.headers.iter();
            let headers = headers.map(|h| (h.key.as_str(), h.value.as_deref()));
            entries.push(record.key.as_deref(), headers);
        }
        self.next += 1;
        Ok(())
    }

    /// Adds a record that is borrowed; its offset does not matter.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub(crate) fn push_ref(&mut self, record: &RecordRef<'_>) -> Result<()> {
        self.turn_over()?;
        self.builder.push_ref(&RecordRef {
            offset: Offset(self.next),
            ..*record
        })?;
        if let Some(entries) = &mut self.entries {
            entries.push(record.key, record.headers.iter());
        }
        self.next += 1;
        Ok(())
    }

    /// Begins the next batch if this one is full.
    fn turn_over(&mut self) -> Result<()> {
        if self.builder.bytes_len() >= self.batch_bytes && self.builder.record_count() > 0 {
            let next = BatchBuilder::new(Offset(self.next), self.codec);
            let full = std::mem::replace(&mut self.builder, next).finish()?;
            self.add(full);
        }
        Ok(())
    }

    fn add(&mut self, batch: LogBatch) {
        let direct = batch.bytes().len() >= self.direct_bytes;
        self.batches.push(PreparedBatch { batch, direct });
    }

    /// Records so far.
    pub(crate) fn records(&self) -> u64 {
        self.next
    }

    /// The append that the records are. There is at least one.
    ///
    /// # Errors
    /// `Invalid` if a batch covers more offsets than its format can say.
    pub(crate) fn finish(mut self, partition: Arc<Partition>) -> Result<PreparedAppend> {
        let next = BatchBuilder::new(Offset(self.next), self.codec);
        let last = std::mem::replace(&mut self.builder, next);
        let last = CHUNK.with_borrow_mut(|chunk| chunk.finish(last))?;
        self.add(last);
        Ok(PreparedAppend {
            partition,
            batches: self.batches,
            entries: self.entries,
        })
    }
}
