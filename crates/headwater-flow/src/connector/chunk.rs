//! What a source hands out: the undecoded records of a range of one of its partitions.

use arrow::array::RecordBatch;
use bytes::Bytes;

/// One ordered, re-readable sequence of records.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Partition {
    /// A name that stays the same over restarts: a topic's partition number, a file's path.
    pub name: String,
    /// The first offset to read when nothing has been read before.
    pub start: u64,
}

/// A partition that earlier processes read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KnownPartition {
    /// Its name.
    pub name: String,
    /// Where it was read to.
    pub next: u64,
    /// It had come to its natural end there.
    pub ended: bool,
    /// What the source said at the newest snapshot, from which on ranges will be read again; `None`: the snapshot did
    /// not know the partition, or nobody can change it.
    pub seal: Option<Seal>,
}

/// What tells whether the beginning of a partition is still what was read.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Seal {
    /// The place before which it lies.
    pub to: u64,
    /// Hash of it.
    pub digest: u64,
    /// What it looked like from outside: an equal stamp spares comparing digests.
    pub stamp: String,
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

/// What a generated row is taken to weigh.
const GENERATED_ROW_BYTES: usize = 128;

impl Chunk {
    /// About how much memory it holds, or will once it is decoded.
    pub fn bytes(&self) -> usize {
        match &self.payload {
            Payload::Bytes(bytes) => bytes.len(),
            Payload::Log(batches) => batches.iter().map(|b| b.bytes().len()).sum(),
            Payload::Rows(rows) => rows.get_array_memory_size(),
            Payload::Generated => (self.range.to - self.range.from) as usize * GENERATED_ROW_BYTES,
        }
    }
}
