//! Kafka's record-batch format, version 2: what the log stores and what the Kafka protocol hands out as it lies.
//!
//! One [`LogBatch`] is one run of records of one partition. It is built by [`LogBatch::build`] or a
//! [`BatchBuilder`], and bytes from outside become one only through [`LogBatch::parse`], which trusts no
//! length and no count. The byte tables stand in `docs/formats/batch.md`.

mod builder;
mod chunk;
mod codec;
mod decode;
mod header;
mod header_buf;
mod indexed;
mod log_batch;
mod open;
mod records;
mod varint;
mod xerial;

pub(crate) use builder::encoded_len;
pub(crate) use chunk::Chunk;
pub(crate) use indexed::IndexedBatch;
pub(crate) use varint::{VARINT_BYTES_MAX, get_uvarint, put_uvarint};

pub use builder::{BatchBuilder, Producer};
pub use codec::{BATCH_BYTES_MAX, Codec};
pub use header_buf::HeaderBuf;
pub use log_batch::LogBatch;
pub use open::OpenBatch;
pub use records::{HeaderIter, HeadersRef, RecordRef, Records};

#[cfg(test)]
mod tests;
