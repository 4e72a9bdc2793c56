//! From chunks to rows: the pure half of a source, run on many threads.

use arrow::array::{Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use super::chunk::Chunk;
use crate::error::Result;

/// Turns chunks into rows. Pure: the same chunk gives the same rows on any thread.
pub trait Decoder: Send + Sync {
    /// The columns of [`Decoded::rows`].
    fn schema(&self) -> SchemaRef;

    /// Decodes a chunk. A record that does not decode becomes a [`Reject`], not an error.
    ///
    /// # Errors
    /// `Corrupt` if the chunk itself is damaged.
    fn decode(&self, chunk: &Chunk) -> Result<Decoded>;

    /// The record at `offset` of `chunk` as it came, for `$late` and `$errors` topics.
    fn original(&self, chunk: &Chunk, offset: u64) -> Option<OriginalRecord>;
}

/// The rows of a chunk, in the order of their offsets.
#[derive(Debug)]
pub struct Decoded {
    /// The rows.
    pub rows: RecordBatch,
    /// Weights of changelog formats; `None`: all +1.
    pub weights: Option<Int64Array>,
    /// The offset of each row.
    pub offsets: Offsets,
    /// What did not decode.
    pub rejects: Vec<Reject>,
}

/// The offsets of decoded rows.
#[derive(Debug, Clone)]
pub enum Offsets {
    /// Row `i` has this offset plus `i`.
    From(u64),
    /// One offset a row, ascending.
    Each(UInt64Array),
}

impl Offsets {
    /// The offset of row `i`.
    pub fn get(&self, i: usize) -> u64 {
        match self {
            Self::From(first) => first + i as u64,
            Self::Each(offsets) => offsets.value(i),
        }
    }
}

/// A record that did not decode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reject {
    /// Its offset.
    pub offset: u64,
    /// Why, in a sentence without the record's values.
    pub reason: String,
}

/// A record's own bytes.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OriginalRecord {
    /// The key, if it has one.
    pub key: Option<Bytes>,
    /// The value; `None`: a tombstone.
    pub value: Option<Bytes>,
    /// The headers, in order.
    pub headers: Vec<(String, Option<Bytes>)>,
}
