//! The 61 bytes before the records of a batch: where each field lies, and the checks that need nothing else.

use crate::error::{Error, ErrorKind, Result};

use super::codec::{BATCH_BYTES_MAX, Codec};

/// Bytes before the first record.
pub(super) const HEADER_BYTES: usize = 61;
/// Bytes that the length field does not count: base offset and length.
pub(super) const LENGTH_PREFIX_BYTES: usize = 12;
/// The only version that is read or written.
pub(super) const MAGIC: u8 = 2;
/// Bytes of the smallest record: length, attributes, two deltas, two lengths, header count.
const RECORD_BYTES_MIN: usize = 7;

pub(super) const BASE_OFFSET: usize = 0;
pub(super) const LENGTH: usize = 8;
pub(super) const LEADER_EPOCH: usize = 12;
pub(super) const MAGIC_AT: usize = 16;
pub(super) const CRC: usize = 17;
pub(super) const ATTRIBUTES: usize = 21;
pub(super) const LAST_OFFSET_DELTA: usize = 23;
pub(super) const BASE_TIMESTAMP: usize = 27;
pub(super) const MAX_TIMESTAMP: usize = 35;
pub(super) const PRODUCER_ID: usize = 43;
pub(super) const PRODUCER_EPOCH: usize = 51;
pub(super) const BASE_SEQUENCE: usize = 53;
pub(super) const RECORD_COUNT: usize = 57;

pub(super) const CODEC_MASK: u16 = 0x07;
pub(super) const LOG_APPEND_TIME: u16 = 1 << 3;
pub(super) const TRANSACTIONAL: u16 = 1 << 4;
pub(super) const CONTROL: u16 = 1 << 5;
pub(super) const DELETE_HORIZON: u16 = 1 << 6;

/// The `N` bytes at `at`; callers have checked that the header is there.
#[inline]
pub(super) fn field<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    bytes[at..at + N]
        .try_into()
        .expect("a slice of N bytes is an array of N bytes")
}

/// Overwrites the `N` bytes at `at`.
#[inline]
pub(super) fn put<const N: usize>(bytes: &mut [u8], at: usize, value: [u8; N]) {
    bytes[at..at + N].copy_from_slice(&value);
}

/// The checksum that belongs into the header of `batch`.
pub(super) fn checksum(batch: &[u8]) -> u32 {
    crc_fast::crc32_iscsi(&batch[ATTRIBUTES..])
}

/// An error for damaged bytes.
pub(super) fn corrupt(what: impl Into<String>) -> Error {
    Error::new(ErrorKind::Corrupt, what)
}

/// Bytes of the batch that `bytes` starts with; `None` if there are too few to tell.
pub(super) fn batch_len(bytes: &[u8]) -> Result<Option<usize>> {
    if bytes.len() < LENGTH_PREFIX_BYTES {
        return Ok(None);
    }
    let length = i32::from_be_bytes(field(bytes, LENGTH));
    let Ok(length) = usize::try_from(length) else {
        return Err(corrupt(format!("batch has the negative length {length}")));
    };
    let total = length + LENGTH_PREFIX_BYTES;
    if total < HEADER_BYTES {
        return Err(corrupt(format!(
            "batch of {total} bytes is smaller than its header"
        )));
    }
    if total > BATCH_BYTES_MAX {
        return Err(corrupt(format!(
            "batch of {total} bytes is over the limit of {BATCH_BYTES_MAX}"
        )));
    }
    Ok(Some(total))
}

/// Checks a whole batch: length, magic, checksum, and that counts and offsets can be true.
pub(super) fn validate(bytes: &[u8]) -> Result<()> {
    match batch_len(bytes)? {
        Some(total) if total == bytes.len() => {}
        Some(total) => {
            return Err(corrupt(format!(
                "batch says it has {total} bytes but has {}",
                bytes.len()
            )));
        }
        None => {
            return Err(corrupt(format!(
                "batch of {} bytes is cut off in its header",
                bytes.len()
            )));
        }
    }
    if bytes[MAGIC_AT] != MAGIC {
        return Err(corrupt(format!(
            "batch has the format version {} instead of {MAGIC}",
            bytes[MAGIC_AT]
        )));
    }
    let (stored, found) = (u32::from_be_bytes(field(bytes, CRC)), checksum(bytes));
    if stored != found {
        return Err(corrupt(format!(
            "batch has the checksum {found:08x} instead of {stored:08x}"
        )));
    }
    validate_counts(bytes)
}

fn validate_counts(bytes: &[u8]) -> Result<()> {
    let attributes = u16::from_be_bytes(field(bytes, ATTRIBUTES));
    let codec = Codec::from_id(attributes & CODEC_MASK)?;
    let base = i64::from_be_bytes(field(bytes, BASE_OFFSET));
    let last_delta = i32::from_be_bytes(field(bytes, LAST_OFFSET_DELTA));
    if base < 0 || last_delta < 0 || base.checked_add(i64::from(last_delta) + 1).is_none() {
        return Err(corrupt(format!(
            "batch has the impossible offsets {base} + {last_delta}"
        )));
    }
    let count = i32::from_be_bytes(field(bytes, RECORD_COUNT));
    if count < 0 || i64::from(count) > i64::from(last_delta) + 1 {
        return Err(corrupt(format!(
            "batch of {} offsets says it has {count} records",
            i64::from(last_delta) + 1
        )));
    }
    let body = bytes.len() - HEADER_BYTES;
    if codec == Codec::None && count as usize > body / RECORD_BYTES_MIN {
        return Err(corrupt(format!(
            "batch says it has {count} records in {body} bytes"
        )));
    }
    Ok(())
}
