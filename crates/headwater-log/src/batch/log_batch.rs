//! [`LogBatch`]: a checked run of records, held as the bytes that lie in the log.

use bytes::{Buf, Bytes, BytesMut};

use crate::clock::Timestamp;
use crate::error::{Error, ErrorKind, Result};
use crate::record::{Offset, Record};

use super::builder::{self, BatchBuilder, Producer};
use super::codec::Codec;
use super::header::{self, HEADER_BYTES, field, put};
use super::open::OpenBatch;
use super::records::{Cursor, Frame, RecordRef, Records, share};

/// A run of records as it lies in the log: Kafka's record batch, version 2.
///
/// Invariants: the header is whole, its length is that of the bytes, magic and checksum are right, offsets are
/// not negative and there are no more records than offsets. The records themselves are checked when they are read.
///
/// ```
/// use headwater_log::{Codec, LogBatch, Offset, Record, Timestamp};
/// let record = Record { value: Some("hello".into()), ..Record::default() };
/// let batch = LogBatch::build(Offset(7), &[record], Codec::Zstd, Timestamp(1_000))?;
/// let again = LogBatch::parse(batch.bytes().clone())?;
/// let (offset, record) = again.records().next().expect("one record")?;
/// assert_eq!((offset, record.timestamp), (Offset(7), Some(Timestamp(1_000))));
/// # Ok::<(), headwater_log::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogBatch(Bytes);

impl LogBatch {
    /// A batch of records with consecutive offsets; those without a timestamp get `now`.
    ///
    /// # Errors
    /// `Invalid` without records, or if they are over [`BATCH_BYTES_MAX`](super::BATCH_BYTES_MAX).
    pub fn build(
        base_offset: Offset,
        records: &[Record],
        codec: Codec,
        now: Timestamp,
    ) -> Result<Self> {
        if records.is_empty() {
            return Err(Error::new(ErrorKind::Invalid, "batch without records"));
        }
        let room = builder::encoded_len(records, now);
        let mut builder = BatchBuilder::with_capacity(base_offset, codec, room);
        for (offset, record) in (base_offset.0..).zip(records) {
            builder.push(Offset(offset), record, now)?;
        }
        builder.finish()
    }

    /// Takes over the bytes of exactly one batch.
    ///
    /// # Errors
    /// `Corrupt` if length, format version, checksum or counts are wrong.
    pub fn parse(bytes: Bytes) -> Result<Self> {
        header::validate(&bytes)?;
        Ok(Self(bytes))
    }

    /// Takes the first batch off `bytes`; `None` if they hold less than one.
    ///
    /// # Errors
    /// As [`parse`](Self::parse).
    pub fn take(bytes: &mut Bytes) -> Result<Option<Self>> {
        match header::batch_len(bytes)? {
            Some(total) if total <= bytes.len() => {
                let batch = Self::parse(bytes.slice(..total))?;
                bytes.advance(total);
                Ok(Some(batch))
            }
            _ => Ok(None),
        }
    }

    /// Bytes of the batch that `bytes` starts with; `None` if there are too few (under 12) to tell.
    ///
    /// # Errors
    /// `Corrupt` if the length cannot be true.
    pub fn len_at(bytes: &[u8]) -> Result<Option<usize>> {
        header::batch_len(bytes)
    }

    /// A batch whose bytes are known to be right: built here, or checked before.
    pub(crate) fn trusted(bytes: Bytes) -> Self {
        debug_assert!(header::validate(&bytes).is_ok());
        Self(bytes)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &Bytes {
        &self.0
    }

    /// Its bytes, without a copy.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// The offset from which it counts; that of its first record unless compaction took that.
    pub fn base_offset(&self) -> Offset {
        Offset(u64::from_be_bytes(field(&self.0, header::BASE_OFFSET)))
    }

    /// The last offset that it covers.
    pub fn last_offset(&self) -> Offset {
        Offset(self.base_offset().0 + self.last_delta() as u64)
    }

    /// The offset after the last one that it covers.
    pub fn next_offset(&self) -> Offset {
        Offset(self.last_offset().0 + 1)
    }

    /// How many records it says it has; reading them proves it.
    pub fn record_count(&self) -> usize {
        i32::from_be_bytes(field(&self.0, header::RECORD_COUNT)) as usize
    }

    /// The timestamp from which it counts: that of its first record, or its delete horizon.
    pub fn first_timestamp(&self) -> Timestamp {
        Timestamp(i64::from_be_bytes(field(&self.0, header::BASE_TIMESTAMP)))
    }

    /// The highest timestamp of its records; -1 without records.
    pub fn max_timestamp(&self) -> Timestamp {
        Timestamp(i64::from_be_bytes(field(&self.0, header::MAX_TIMESTAMP)))
    }

    /// How its records are compressed.
    pub fn codec(&self) -> Codec {
        Codec::from_id(self.attributes() & header::CODEC_MASK).unwrap_or_default()
    }

    /// What an idempotent producer stamped on it.
    pub fn producer(&self) -> Option<Producer> {
        let producer = Producer {
            id: i64::from_be_bytes(field(&self.0, header::PRODUCER_ID)),
            epoch: i16::from_be_bytes(field(&self.0, header::PRODUCER_EPOCH)),
            base_sequence: i32::from_be_bytes(field(&self.0, header::BASE_SEQUENCE)),
        };
        (producer.id >= 0).then_some(producer)
    }

    /// The epoch of the partition's leader, as the Kafka protocol counts it.
    pub fn leader_epoch(&self) -> i32 {
        i32::from_be_bytes(field(&self.0, header::LEADER_EPOCH))
    }

    /// Whether it is part of a Kafka transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes() & header::TRANSACTIONAL != 0
    }

    /// Whether it holds control records (transaction markers) instead of data.
    pub fn is_control(&self) -> bool {
        self.attributes() & header::CONTROL != 0
    }

    /// From when on its tombstones may be dropped, if compaction has noted it.
    pub fn delete_horizon(&self) -> Option<Timestamp> {
        (self.attributes() & header::DELETE_HORIZON != 0).then(|| self.first_timestamp())
    }

    /// The same batch from another offset on. Copies the bytes only if they are shared; the checksum does not
    /// cover the offset.
    #[must_use]
    pub fn with_base_offset(self, offset: Offset) -> Self {
        if self.base_offset() == offset {
            return self;
        }
        let mut bytes = self
            .0
            .try_into_mut()
            .unwrap_or_else(|shared| BytesMut::from(&shared[..]));
        put(&mut bytes, header::BASE_OFFSET, offset.0.to_be_bytes());
        Self(bytes.freeze())
    }

    /// Makes the bytes of a batch start at another offset, in place.
    pub(crate) fn patch_base_offset(batch: &mut [u8], offset: Offset) {
        put(batch, header::BASE_OFFSET, offset.0.to_be_bytes());
    }

    /// Its records, as owned values that share its memory.
    pub fn records(&self) -> Records {
        Records::new(self.frame(), self.section())
    }

    /// The batch uncompressed, to borrow its records from; without a copy if it is not compressed.
    ///
    /// # Errors
    /// `Corrupt` if it does not unpack.
    pub fn open(&self) -> Result<OpenBatch> {
        Ok(OpenBatch::new(self.section()?, self.frame()))
    }

    /// The record at an offset, sharing the batch's memory.
    ///
    /// # Errors
    /// `Corrupt` if a record up to there is damaged.
    pub fn record_at(&self, offset: Offset) -> Result<Option<Record>> {
        let section = self.section()?;
        let mut cursor = Cursor::new(self.frame());
        while let Some(record) = cursor.next(&section)? {
            if record.offset >= offset {
                return Ok((record.offset == offset).then(|| share(&section, &record)));
            }
        }
        Ok(None)
    }

    /// Calls `f` with each record, borrowed: no allocation, no reference counts.
    ///
    /// # Errors
    /// `Corrupt` if a record is damaged; the records before it have been handed out.
    pub fn for_each(&self, mut f: impl FnMut(RecordRef<'_>)) -> Result<()> {
        self.try_for_each(|record| {
            f(record);
            Ok(())
        })
    }

    /// As [`for_each`](Self::for_each), until `f` fails.
    ///
    /// # Errors
    /// The error of `f`, or `Corrupt` if a record is damaged.
    pub fn try_for_each<E: From<Error>>(
        &self,
        mut f: impl FnMut(RecordRef<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let unpacked;
        let section = match self.codec() {
            _ if self.record_count() == 0 => &[][..],
            Codec::None => &self.0[HEADER_BYTES..],
            codec => {
                unpacked = codec.unpack(&self.0[HEADER_BYTES..])?;
                &unpacked[..]
            }
        };
        let mut cursor = Cursor::new(self.frame());
        while let Some(record) = cursor.next(section)? {
            f(record)?;
        }
        Ok(())
    }

    pub(super) fn attributes(&self) -> u16 {
        u16::from_be_bytes(field(&self.0, header::ATTRIBUTES))
    }

    fn last_delta(&self) -> i32 {
        i32::from_be_bytes(field(&self.0, header::LAST_OFFSET_DELTA))
    }

    /// The uncompressed records.
    pub(super) fn section(&self) -> Result<Bytes> {
        match self.codec() {
            _ if self.record_count() == 0 => Ok(Bytes::new()),
            Codec::None => Ok(self.0.slice(HEADER_BYTES..)),
            codec => codec.unpack(&self.0[HEADER_BYTES..]).map(Bytes::from),
        }
    }

    pub(super) fn frame(&self) -> Frame {
        let append_time = self.attributes() & header::LOG_APPEND_TIME != 0;
        Frame {
            base_offset: self.base_offset().0,
            last_delta: i64::from(self.last_delta()),
            base_timestamp: self.first_timestamp().0,
            append_time: append_time.then(|| self.max_timestamp().0),
            count: self.record_count() as u32,
        }
    }
}
