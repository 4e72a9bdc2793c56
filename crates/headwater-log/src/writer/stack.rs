//! [`Stack`]: the batches of a large append, one behind the other in large buffers that are used again. Each in memory of its own,
//! they would be asked for on one thread and given back on another by the thousand, and the allocator would hold several times as much.

use std::ops::Range;

use smallvec::SmallVec;

use super::request::PreparedBatch;
use crate::batch::{BatchBuilder, Codec, LogBatch};
use crate::error::Result;
use crate::memory::Buffers;
use crate::record::Offset;

/// Size of a buffer.
const BUFFER_BYTES: usize = 256 << 10;

/// Batches of an append.
#[derive(Debug, Default)]
pub(super) struct Stack {
    bytes: Vec<u8>,
    /// Where batches lie in it.
    ranges: Vec<Range<usize>>,
    /// Where the next batch is built.
    scratch: Vec<u8>,
}

impl Stack {
    /// One for an append of about `room` bytes in batches of `batch_bytes`, if it is large enough.
    pub(super) fn of(room: usize, batch_bytes: usize) -> Option<Self> {
        (room >= BUFFER_BYTES && batch_bytes <= BUFFER_BYTES / 4).then(Self::default)
    }

    /// Begins a batch.
    pub(super) fn begin(&mut self, base: Offset, codec: Codec) -> BatchBuilder {
        BatchBuilder::in_memory(base, codec, std::mem::take(&mut self.scratch))
    }

    /// Ends one.
    ///
    /// # Errors
    /// `Invalid` if it covers more offsets than its format can say.
    pub(super) fn add(
        &mut self,
        builder: BatchBuilder,
        buffers: &Buffers,
        into: &mut SmallVec<[PreparedBatch; 1]>,
    ) -> Result<()> {
        self.scratch = builder.into_vec()?;
        let len = self.scratch.len();
        if self.bytes.capacity() - self.bytes.len() < len {
            self.settle(buffers, into);
            self.bytes = buffers.take(BUFFER_BYTES.max(len));
        }
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&self.scratch);
        self.ranges.push(start..start + len);
        self.scratch.clear();
        Ok(())
    }

    /// Gives what has been added.
    pub(super) fn settle(&mut self, buffers: &Buffers, into: &mut SmallVec<[PreparedBatch; 1]>) {
        if self.ranges.is_empty() {
            return;
        }
        let bytes = buffers.share(std::mem::take(&mut self.bytes));
        let batches = self.ranges.drain(..).map(|range| PreparedBatch {
            batch: LogBatch::trusted(bytes.slice(range)),
            direct: false,
        });
        into.extend(batches);
    }
}
