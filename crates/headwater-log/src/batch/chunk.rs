//! Memory for small batches that live until they are copied into a group. They are cut from one chunk after the other, so that
//! none of them is asked for on one thread and given back on another, which allocators do poorly.

use bytes::BytesMut;

use super::builder::BatchBuilder;
use super::log_batch::LogBatch;
use crate::error::Result;
use crate::memory::Buffers;

/// Size of a chunk. It stays until the last of its batches goes, then it is used again.
const CHUNK_BYTES: usize = 64 << 10;
/// Larger batches have buffers of their own.
const SMALL_BYTES: usize = CHUNK_BYTES / 16;

/// Where small batches lie.
#[derive(Debug, Default)]
pub(crate) struct Chunk(BytesMut);

impl Chunk {
    /// Ends a batch that is soon copied.
    ///
    /// # Errors
    /// As [`BatchBuilder::finish`].
    pub(crate) fn finish(&mut self, builder: BatchBuilder, buffers: &Buffers) -> Result<LogBatch> {
        let bytes = builder.into_vec()?;
        if bytes.len() > SMALL_BYTES {
            return Ok(LogBatch::trusted(buffers.share(bytes)));
        }
        if self.0.capacity() < bytes.len() {
            // Takes the chunk again from its begin, if none of its batches is left.
            self.0.reserve(CHUNK_BYTES);
        }
        self.0.extend_from_slice(&bytes);
        Ok(LogBatch::trusted(self.0.split().freeze()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::batch::Codec;
    use crate::clock::Timestamp;
    use crate::record::{Offset, Record};

    fn builder(len: usize) -> BatchBuilder {
        let record = Record {
            value: Some(vec![7; len].into()),
            ..Record::default()
        };
        let mut builder = BatchBuilder::new(Offset(0), Codec::None);
        let pushed = builder.push(Offset(0), &record, Timestamp(5));
        pushed.expect("a record fits into a batch");
        builder
    }

    fn build(chunk: &mut Chunk, len: usize) -> LogBatch {
        let batch = chunk.finish(builder(len), &Buffers::default());
        batch.expect("a record is a batch")
    }

    #[test]
    fn batches_are_as_those_with_memory_of_their_own() {
        let mut chunk = Chunk::default();
        let lens = [0, 1, 200, SMALL_BYTES - 80, SMALL_BYTES, 3].repeat(40);
        let built: Vec<LogBatch> = lens.iter().map(|len| build(&mut chunk, *len)).collect();
        for (batch, len) in built.iter().zip(lens) {
            let own = builder(len).finish().expect("a record is a batch");
            assert_eq!(*batch, own);
        }
    }

    #[test]
    fn a_chunk_is_used_again_once_its_batches_are_gone() {
        let mut chunk = Chunk::default();
        let first = build(&mut chunk, 200);
        let place = first.bytes().as_ptr();
        drop(first);
        let mut places =
            (0..2 * CHUNK_BYTES / 200).map(|_| build(&mut chunk, 200).bytes().as_ptr());
        assert!(places.any(|p| p == place));
    }
}
