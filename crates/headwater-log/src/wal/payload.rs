//! What the frame of a commit holds: its batches or where they lie, its positions, its changes of metadata. Pure.

use bytes::Bytes;

use crate::change::Change;
use crate::error::{Error, ErrorKind, Result};

/// One batch of a commit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct BatchEntry {
    /// Id of its topic.
    pub(crate) topic: u64,
    /// Its partition.
    pub(crate) partition: u32,
    /// Offset with which its segment begins.
    pub(crate) segment: u64,
    /// Its place in the segment, in bytes.
    pub(crate) at: u32,
    /// Its first offset.
    pub(crate) base: u64,
    /// Its length in bytes.
    pub(crate) len: u32,
    /// Its bytes; `None`: they lie in the segment already.
    pub(crate) bytes: Option<Bytes>,
}

/// A commit as read back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Payload {
    pub(crate) batches: Vec<BatchEntry>,
    pub(crate) positions: Vec<(String, Option<Bytes>)>,
    pub(crate) changes: Vec<Change>,
}

/// Bytes that an entry takes besides the batch.
pub(crate) const ENTRY_BYTES: usize = 8 + 4 + 8 + 4 + 8 + 4 + 4;
/// Bytes that the counts take.
pub(crate) const COUNTS_BYTES: usize = 12;
/// Bytes that a position takes besides owner and value.
pub(crate) const POSITION_BYTES: usize = 8;
/// The length that stands for a removed position.
const REMOVED: u32 = u32::MAX;

/// Appends the counts, with which a payload begins.
pub(crate) fn put_counts(out: &mut Vec<u8>, batches: usize, positions: usize, changes: usize) {
    for count in [batches, positions, changes] {
        out.extend_from_slice(&(count as u32).to_le_bytes());
    }
}

/// Appends an entry; the bytes of the batch, if any, come right after it.
pub(crate) fn put_entry(out: &mut Vec<u8>, entry: &BatchEntry) {
    let mut fields = [0; ENTRY_BYTES];
    fields[..8].copy_from_slice(&entry.topic.to_le_bytes());
    fields[8..12].copy_from_slice(&entry.partition.to_le_bytes());
    fields[12..20].copy_from_slice(&entry.segment.to_le_bytes());
    fields[20..24].copy_from_slice(&entry.at.to_le_bytes());
    fields[24..32].copy_from_slice(&entry.base.to_le_bytes());
    fields[32..36].copy_from_slice(&entry.len.to_le_bytes());
    fields[36..].copy_from_slice(&u32::from(entry.bytes.is_some()).to_le_bytes());
    out.extend_from_slice(&fields);
}

/// Appends a position.
pub(crate) fn put_position(out: &mut Vec<u8>, owner: &str, value: Option<&Bytes>) {
    out.extend_from_slice(&(owner.len() as u32).to_le_bytes());
    out.extend_from_slice(&value.map_or(REMOVED, |v| v.len() as u32).to_le_bytes());
    out.extend_from_slice(owner.as_bytes());
    out.extend_from_slice(value.map_or(&[], |v| v));
}

/// Appends a change.
pub(crate) fn put_change(out: &mut Vec<u8>, change: &Change) -> Result<()> {
    let json = serde_json::to_vec(change).map_err(|e| {
        Error::new(ErrorKind::Bug, "change of metadata cannot be encoded").with_source(e)
    })?;
    out.extend_from_slice(&(json.len() as u32).to_le_bytes());
    out.extend_from_slice(&json);
    Ok(())
}

/// Reads a payload back.
///
/// # Errors
/// `Corrupt`; it is checked by its frame, so this means that something else wrote it.
pub(crate) fn decode(bytes: &Bytes) -> Result<Payload> {
    let mut input = Input { bytes, at: 0 };
    let (batches, positions, changes) = (input.u32()?, input.u32()?, input.u32()?);
    let mut payload = Payload::default();
    for _ in 0..batches {
        payload.batches.push(input.entry()?);
    }
    for _ in 0..positions {
        payload.positions.push(input.position()?);
    }
    for _ in 0..changes {
        let len = input.u32()? as usize;
        let json = input.take(len)?;
        payload
            .changes
            .push(serde_json::from_slice(&json).map_err(|e| damaged().with_source(e))?);
    }
    if input.at != bytes.len() {
        return Err(damaged());
    }
    Ok(payload)
}

fn damaged() -> Error {
    Error::new(
        ErrorKind::Corrupt,
        "write-ahead frame does not hold a commit",
    )
}

struct Input<'a> {
    bytes: &'a Bytes,
    at: usize,
}

impl Input<'_> {
    fn take(&mut self, len: usize) -> Result<Bytes> {
        let end = self
            .at
            .checked_add(len)
            .filter(|end| *end <= self.bytes.len())
            .ok_or_else(damaged)?;
        let taken = self.bytes.slice(self.at..end);
        self.at = end;
        Ok(taken)
    }

    fn field<const N: usize>(&mut self) -> Result<[u8; N]> {
        let mut field = [0; N];
        field.copy_from_slice(&self.take(N)?);
        Ok(field)
    }

    fn u32(&mut self) -> Result<u32> {
        self.field().map(u32::from_le_bytes)
    }

    fn u64(&mut self) -> Result<u64> {
        self.field().map(u64::from_le_bytes)
    }

    fn entry(&mut self) -> Result<BatchEntry> {
        let mut entry = BatchEntry {
            topic: self.u64()?,
            partition: self.u32()?,
            segment: self.u64()?,
            at: self.u32()?,
            base: self.u64()?,
            len: self.u32()?,
            bytes: None,
        };
        if self.u32()? != 0 {
            entry.bytes = Some(self.take(entry.len as usize)?);
        }
        Ok(entry)
    }

    fn position(&mut self) -> Result<(String, Option<Bytes>)> {
        let (owner_len, value_len) = (self.u32()?, self.u32()?);
        let owner = String::from_utf8(self.take(owner_len as usize)?.to_vec())
            .map_err(|e| damaged().with_source(e))?;
        let value = match value_len {
            REMOVED => None,
            len => Some(self.take(len as usize)?),
        };
        Ok((owner, value))
    }
}
