//! [`Packing`]: records of one partition become batches as they come, and, if it has a key index, entries of that.

use std::cell::RefCell;
use std::sync::Arc;

use smallvec::SmallVec;

use super::request::{PreparedAppend, PreparedBatch};
use super::stack::Stack;
use crate::batch::{BatchBuilder, Chunk, Codec, RecordRef};
use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::keyindex::Entries;
use crate::partition::Partition;
use crate::record::{Offset, Record};
use crate::shared::Shared;

/// An append of so many times the bytes of a batch that goes straight to its segment goes there whole, however small its batches
/// are: to write it twice costs more than a second sync.
const DIRECT_APPEND: usize = 4;
/// About how large the batches of topics with a key index become at most: whoever reads by key reads whole batches for
/// single records.
const KEYED_BATCH_BYTES: usize = 8 << 10;

thread_local! {
    /// Where small batches lie until the writer has copied them into a group.
    static CHUNK: RefCell<Chunk> = RefCell::default();
}

/// Encodes records that get consecutive offsets, from 0.
#[derive(Debug)]
pub(crate) struct Packing<'a> {
    shared: &'a Shared,
    codec: Codec,
    batch_bytes: usize,
    /// Bytes that are expected of the records that are not in a batch that is full.
    room: usize,
    builder: BatchBuilder,
    /// Where batches are put if there will be many.
    stack: Option<Stack>,
    batches: SmallVec<[PreparedBatch; 1]>,
    entries: Option<Entries>,
    next: u64,
}

impl<'a> Packing<'a> {
    /// For a partition and records that will take about `room` bytes.
    pub(crate) fn new(
        partition: &Partition,
        codec: Codec,
        shared: &'a Shared,
        room: usize,
    ) -> Self {
        let batch_bytes = match partition.has_keys() {
            true => shared.options.batch_bytes.min(KEYED_BATCH_BYTES),
            false => shared.options.batch_bytes,
        };
        let mut stack = Stack::of(room, batch_bytes);
        Self {
            shared,
            codec,
            batch_bytes,
            room,
            builder: match &mut stack {
                Some(stack) => stack.begin(Offset(0), codec),
                None => begin(0, codec, room, batch_bytes, shared),
            },
            stack,
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
        self.make_room()?;
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
        self.make_room()?;
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
    fn make_room(&mut self) -> Result<()> {
        if self.entries.as_ref().is_some_and(Entries::is_full) {
            let text = "commit has more keys, types and tags than one may have";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if self.builder.bytes_len() >= self.batch_bytes && self.builder.record_count() > 0 {
            self.room = self.room.saturating_sub(self.builder.bytes_len());
            let (codec, room, batch_bytes) = (self.codec, self.room, self.batch_bytes);
            match &mut self.stack {
                Some(stack) => {
                    // What is ended gives its memory to the next one.
                    let none = BatchBuilder::new(Offset(0), codec);
                    let full = std::mem::replace(&mut self.builder, none);
                    stack.add(full, &self.shared.buffers, &mut self.batches)?;
                    self.builder = stack.begin(Offset(self.next), codec);
                }
                None => {
                    let next = begin(self.next, codec, room, batch_bytes, self.shared);
                    let full = std::mem::replace(&mut self.builder, next);
                    self.batches.push(end(full, self.shared)?);
                }
            }
        }
        Ok(())
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
        match &mut self.stack {
            Some(stack) => {
                let buffers = &self.shared.buffers;
                stack.add(self.builder, buffers, &mut self.batches)?;
                stack.settle(buffers, &mut self.batches);
            }
            None => self.batches.push(end(self.builder, self.shared)?),
        }
        let bytes = self.batches.iter().map(|batch| batch.batch.bytes().len());
        if bytes.sum::<usize>() >= DIRECT_APPEND * self.shared.options.direct_bytes {
            self.batches
                .iter_mut()
                .for_each(|batch| batch.direct = true);
        }
        Ok(PreparedAppend {
            partition,
            batches: self.batches,
            entries: self.entries,
        })
    }
}

/// Begins a batch of a partition's records, with room for what is expected of them, within reason.
fn begin(
    base: u64,
    codec: Codec,
    room: usize,
    batch_bytes: usize,
    shared: &Shared,
) -> BatchBuilder {
    let bytes = room.min(batch_bytes + batch_bytes / 4);
    BatchBuilder::in_buffer(Offset(base), codec, bytes, &shared.buffers)
}

fn end(builder: BatchBuilder, shared: &Shared) -> Result<PreparedBatch> {
    let batch = CHUNK.with_borrow_mut(|chunk| chunk.finish(builder, &shared.buffers))?;
    let direct = batch.bytes().len() >= shared.options.direct_bytes;
    Ok(PreparedBatch { batch, direct })
}
