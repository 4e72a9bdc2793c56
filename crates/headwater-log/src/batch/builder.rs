//! Writing a batch record by record. [`LogBatch::build`] is the short way for fresh records; compaction and the Kafka
//! protocol, which keep offsets with gaps and producer fields, come here directly.

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::Buffers;
use crate::record::{Header, Offset, Record};

use super::codec::{BATCH_BYTES_MAX, Codec};
use super::header::{self, HEADER_BYTES, put};
use super::log_batch::LogBatch;
use super::records::{HeadersRef, RecordRef};
use super::varint::{put_varint, varint_len};

/// What an idempotent producer stamps on a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Producer {
    /// The producer's id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// The sequence number of the first record.
    pub base_sequence: i32,
}

/// What a batch without a producer carries.
const NO_PRODUCER: Producer = Producer {
    id: -1,
    epoch: -1,
    base_sequence: -1,
};
/// The timestamp of a batch without records.
const NO_TIMESTAMP: i64 = -1;

/// Builds one batch.
#[derive(Debug)]
pub struct BatchBuilder {
    base_offset: Offset,
    codec: Codec,
    producer: Producer,
    leader_epoch: i32,
    attributes: u16,
    delete_horizon: Option<i64>,
    last_offset: Option<Offset>,
    base_timestamp: Option<i64>,
    max_timestamp: i64,
    count: i32,
    /// Room for the header, then the uncompressed records.
    out: Vec<u8>,
}

impl BatchBuilder {
    /// A batch that starts at `base_offset`, which need not be the offset of a record.
    pub fn new(base_offset: Offset, codec: Codec) -> Self {
        Self::within(base_offset, codec, Vec::new())
    }

    /// A batch with room for `bytes` of encoded records.
    pub(crate) fn with_capacity(base_offset: Offset, codec: Codec, bytes: usize) -> Self {
        Self::within(base_offset, codec, Vec::with_capacity(HEADER_BYTES + bytes))
    }

    /// As [`with_capacity`](Self::with_capacity), in memory that is used again.
    pub(crate) fn in_buffer(
        base_offset: Offset,
        codec: Codec,
        bytes: usize,
        buffers: &Buffers,
    ) -> Self {
        Self::within(base_offset, codec, buffers.take(HEADER_BYTES + bytes))
    }

    /// In this memory, which is empty.
    pub(crate) fn in_memory(base_offset: Offset, codec: Codec, memory: Vec<u8>) -> Self {
        Self::within(base_offset, codec, memory)
    }

    fn within(base_offset: Offset, codec: Codec, mut out: Vec<u8>) -> Self {
        out.resize(HEADER_BYTES, 0);
        Self {
            base_offset,
            codec,
            producer: NO_PRODUCER,
            leader_epoch: 0,
            attributes: 0,
            delete_horizon: None,
            last_offset: None,
            base_timestamp: None,
            max_timestamp: i64::MIN,
            count: 0,
            out,
        }
    }

    /// Sets what an idempotent producer stamps on the batch.
    #[must_use]
    pub fn producer(mut self, producer: Producer) -> Self {
        self.producer = producer;
        self
    }

    /// Takes producer, leader epoch, and the transactional and control flags from `batch`, as compaction must.
    #[must_use]
    pub fn like(mut self, batch: &LogBatch) -> Self {
        self.producer = batch.producer().unwrap_or(NO_PRODUCER);
        self.leader_epoch = batch.leader_epoch();
        self.attributes = batch.attributes() & (header::TRANSACTIONAL | header::CONTROL);
        self
    }

    /// Notes when the batch's tombstones may be dropped. Must come before the first record.
    #[must_use]
    pub fn delete_horizon(mut self, horizon: Option<Timestamp>) -> Self {
        self.delete_horizon = horizon.map(|h| h.0);
        self
    }

    /// Makes the batch end at `offset` even if no record has it.
    #[must_use]
    pub fn until(mut self, offset: Offset) -> Self {
        self.last_offset = self.last_offset.max(Some(offset));
        self
    }

    /// Adds a record at an offset higher than the last; a record without a timestamp gets `now`.
    ///
    /// # Errors
    /// `Invalid` if the offset is not higher or the batch would be over [`BATCH_BYTES_MAX`].
    pub fn push(&mut self, offset: Offset, record: &Record, now: Timestamp) -> Result<()> {
        let headers = HeaderSource::Owned(&record.headers);
        self.push_parts(
            offset,
            record.timestamp.unwrap_or(now),
            record.key.as_deref(),
            record.value.as_deref(),
            headers,
        )
    }

    /// Adds a record of another batch, with its offset and timestamp.
    ///
    /// # Errors
    /// As [`push`](Self::push).
    pub fn push_ref(&mut self, record: &RecordRef<'_>) -> Result<()> {
        let headers = HeaderSource::Raw(record.headers);
        self.push_parts(
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            headers,
        )
    }

    /// Records so far.
    pub fn record_count(&self) -> usize {
        self.count as usize
    }

    /// Bytes so far, uncompressed.
    pub fn bytes_len(&self) -> usize {
        self.out.len()
    }

    fn push_parts(
        &mut self,
        offset: Offset,
        timestamp: Timestamp,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: HeaderSource<'_>,
    ) -> Result<()> {
        let delta = self.next_delta(offset)?;
        let base = *self
            .base_timestamp
            .get_or_insert(self.delete_horizon.unwrap_or(timestamp.0));
        let timestamp_delta = timestamp.0.checked_sub(base).ok_or_else(|| {
            invalid(format!(
                "timestamps {base} and {} are too far apart",
                timestamp.0
            ))
        })?;
        let body = body_len(timestamp_delta, delta, key, value, headers);
        if body > BATCH_BYTES_MAX || self.out.len() + body + 5 > BATCH_BYTES_MAX {
            return Err(invalid(format!(
                "batch would be over the limit of {BATCH_BYTES_MAX} bytes"
            )));
        }
        put_varint(&mut self.out, body as i64);
        self.out.push(0);
        put_varint(&mut self.out, timestamp_delta);
        put_varint(&mut self.out, delta);
        put_bytes(&mut self.out, key);
        put_bytes(&mut self.out, value);
        headers.put(&mut self.out);
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp.0);
        self.last_offset = Some(offset);
        Ok(())
    }

    fn next_delta(&self, offset: Offset) -> Result<i64> {
        let in_order = match (self.count, self.last_offset) {
            (0, _) | (_, None) => offset >= self.base_offset,
            (_, Some(last)) => offset > last,
        };
        offset
            .0
            .checked_sub(self.base_offset.0)
            .filter(|delta| in_order && *delta < i32::MAX as u64)
            .map(|delta| delta as i64)
            .ok_or_else(|| {
                invalid(format!(
                    "offset {} does not follow in the batch from {}",
                    offset.0, self.base_offset.0
                ))
            })
    }

    fn last_delta(&self) -> Result<i32> {
        let last = self.last_offset.unwrap_or(self.base_offset);
        last.0
            .checked_sub(self.base_offset.0)
            .and_then(|delta| i32::try_from(delta).ok())
            .ok_or_else(|| invalid("batch covers too many offsets"))
    }

    /// Ends the batch.
    ///
    /// # Errors
    /// `Invalid` if the batch covers more offsets than the format can say.
    pub fn finish(self) -> Result<LogBatch> {
        self.into_vec().map(|bytes| LogBatch::trusted(bytes.into()))
    }

    /// The bytes of the batch.
    ///
    /// # Errors
    /// As [`finish`](Self::finish).
    pub(crate) fn into_vec(self) -> Result<Vec<u8>> {
        let last_delta = self.last_delta()?;
        let mut out = if self.codec == Codec::None || self.count == 0 {
            self.out
        } else {
            let mut packed = Vec::with_capacity(HEADER_BYTES + self.out.len() / 2);
            packed.resize(HEADER_BYTES, 0);
            self.codec.pack(&self.out[HEADER_BYTES..], &mut packed)?;
            packed
        };
        let empty = self.count == 0;
        let codec = if empty { Codec::None } else { self.codec };
        let mut attributes = self.attributes | codec.id();
        if self.delete_horizon.is_some() {
            attributes |= header::DELETE_HORIZON;
        }
        let no_time = self.delete_horizon.unwrap_or(NO_TIMESTAMP);
        let length = (out.len() - header::LENGTH_PREFIX_BYTES) as i32;
        let max_timestamp = if empty {
            NO_TIMESTAMP
        } else {
            self.max_timestamp
        };
        put(
            &mut out,
            header::BASE_OFFSET,
            self.base_offset.0.to_be_bytes(),
        );
        put(&mut out, header::LENGTH, length.to_be_bytes());
        put(
            &mut out,
            header::LEADER_EPOCH,
            self.leader_epoch.to_be_bytes(),
        );
        out[header::MAGIC_AT] = header::MAGIC;
        put(&mut out, header::ATTRIBUTES, attributes.to_be_bytes());
        put(
            &mut out,
            header::LAST_OFFSET_DELTA,
            last_delta.to_be_bytes(),
        );
        let base_timestamp = self.base_timestamp.unwrap_or(no_time);
        put(
            &mut out,
            header::BASE_TIMESTAMP,
            base_timestamp.to_be_bytes(),
        );
        put(&mut out, header::MAX_TIMESTAMP, max_timestamp.to_be_bytes());
        put(
            &mut out,
            header::PRODUCER_ID,
            self.producer.id.to_be_bytes(),
        );
        put(
            &mut out,
            header::PRODUCER_EPOCH,
            self.producer.epoch.to_be_bytes(),
        );
        put(
            &mut out,
            header::BASE_SEQUENCE,
            self.producer.base_sequence.to_be_bytes(),
        );
        put(&mut out, header::RECORD_COUNT, self.count.to_be_bytes());
        let crc = header::checksum(&out);
        put(&mut out, header::CRC, crc.to_be_bytes());
        Ok(out)
    }
}

/// Bytes that fresh records with consecutive offsets take, so that a batch can be built in one allocation.
pub(crate) fn encoded_len(records: &[Record], now: Timestamp) -> usize {
    let Some(first) = records.first() else {
        return 0;
    };
    let base = first.timestamp.unwrap_or(now).0;
    let each = records.iter().enumerate().map(|(delta, record)| {
        let timestamp = record.timestamp.unwrap_or(now).0.wrapping_sub(base);
        let headers = HeaderSource::Owned(&record.headers);
        let (key, value) = (record.key.as_deref(), record.value.as_deref());
        let body = body_len(timestamp, delta as i64, key, value, headers);
        varint_len(body as i64) + body
    });
    each.sum()
}

/// Headers to write: those of a [`Record`], or encoded ones copied from another batch.
#[derive(Clone, Copy)]
enum HeaderSource<'a> {
    Owned(&'a [Header]),
    Raw(HeadersRef<'a>),
}

impl HeaderSource<'_> {
    fn encoded_len(self) -> usize {
        match self {
            HeaderSource::Owned(headers) => {
                let each = headers
                    .iter()
                    .map(|h| bytes_len(Some(h.key.as_bytes())) + bytes_len(h.value.as_deref()));
                varint_len(headers.len() as i64) + each.sum::<usize>()
            }
            HeaderSource::Raw(headers) => varint_len(i64::from(headers.count)) + headers.raw.len(),
        }
    }

    fn put(self, out: &mut Vec<u8>) {
        match self {
            HeaderSource::Owned(headers) => {
                put_varint(out, headers.len() as i64);
                for header in headers {
                    put_bytes(out, Some(header.key.as_bytes()));
                    put_bytes(out, header.value.as_deref());
                }
            }
            HeaderSource::Raw(headers) => {
                put_varint(out, i64::from(headers.count));
                out.extend_from_slice(headers.raw);
            }
        }
    }
}

#[inline]
fn body_len(
    timestamp_delta: i64,
    offset_delta: i64,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: HeaderSource<'_>,
) -> usize {
    1 + varint_len(timestamp_delta)
        + varint_len(offset_delta)
        + bytes_len(key)
        + bytes_len(value)
        + headers.encoded_len()
}

#[inline]
fn bytes_len(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |b| varint_len(b.len() as i64) + b.len())
}

#[inline]
fn put_bytes(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => {
            put_varint(out, bytes.len() as i64);
            out.extend_from_slice(bytes);
        }
        None => put_varint(out, -1),
    }
}

fn invalid(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Invalid, message)
}
