//! Where rows come from. A [`Source`] does the I/O, one call at a time; its [`Decoder`] is pure and runs on many
//! threads. Everything a source hands out it can hand out again ([`Source::reread`]): replay depends on it.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::{Int64Array, RecordBatch, UInt64Array};
use arrow::datatypes::SchemaRef;
use bytes::Bytes;

use crate::error::Result;

/// One ordered, re-readable sequence of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// A name that stays the same over restarts: a topic's partition number, a file's path.
    pub name: String,
    /// The first offset to read when nothing has been read before.
    pub start: u64,
}

/// A half-open range of offsets in a partition; what an epoch records of its input.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Range {
    /// Index into [`Source::partitions`].
    pub partition: u32,
    /// First offset.
    pub from: u64,
    /// The offset at which the next range begins.
    pub to: u64,
    /// Hash of the bytes, for sources that others may change (files).
    pub digest: Option<u64>,
}

/// The undecoded records of a range.
#[derive(Debug, Clone)]
pub struct Chunk {
    /// What it holds.
    pub range: Range,
    /// The bytes.
    pub payload: Payload,
}

/// The forms that undecoded records have.
#[derive(Debug, Clone)]
pub enum Payload {
    /// Framed bytes of a file: whole lines, or what the format frames.
    Bytes(Bytes),
    /// Batches of a topic as they lie in the log; may hold records outside the range, which the decoder skips.
    Log(Vec<headwater_log::LogBatch>),
    /// Rows that a reader decoded already (Parquet).
    Rows(RecordBatch),
    /// Nothing: the decoder generates the rows of the range.
    Generated,
}

/// What [`Source::poll`] found.
#[derive(Debug)]
pub enum Poll {
    /// The next records; never empty.
    Ready(Chunk),
    /// Nothing now. The source calls its [`Waker`] when there is more, or asks to be polled again after a while.
    Pending {
        /// Poll again after this time; `None`: the waker will be called.
        retry_after: Option<Duration>,
    },
    /// The input is finite by nature and ends here: watermark +∞.
    Ended,
    /// The input was cut here by `scan.bounded.mode`: the pipeline stops, windows stay open.
    Stopped,
}

/// Called when a source that was [`Poll::Pending`] has something.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// A re-readable input of a pipeline.
pub trait Source: Send {
    /// Called at most once, before anything else: the names of the partitions that earlier processes recorded, in
    /// their order. A source whose partitions may come in another order now (files that were added) puts these first.
    ///
    /// # Errors
    /// `Invalid` if there are partitions that came after the input had been taken to be whole.
    fn resume(&mut self, _known: &[String]) -> Result<()> {
        Ok(())
    }

    /// The partitions known now, in canonical order. Later calls may append, never reorder.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Invalid` for a file that was added to an input that had ended.
    fn partitions(&mut self) -> Result<Vec<Partition>>;

    /// The records from `from`, about `max_bytes` of them and at least one if there is one.
    ///
    /// # Errors
    /// `Unavailable` to be retried, `Corrupt` to stop.
    fn poll(&mut self, partition: u32, from: u64, max_bytes: usize) -> Result<Poll>;

    /// Exactly the records of a range that `poll` gave before, perhaps in an earlier process.
    ///
    /// # Errors
    /// `Corrupt`, naming the file or topic, if they are not the same any more.
    fn reread(&mut self, range: &Range) -> Result<Chunk>;

    /// The pure half. Its rows have the physical and metadata columns that were asked for, in that order.
    fn decoder(&self) -> Arc<dyn Decoder>;

    /// Calls `waker` from now on when a pending partition has something, or there is a new partition.
    fn watch(&mut self, waker: Waker);
}

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
