//! The index beside a segment: one entry of fixed width a batch, so that it is searched where it lies and never
//! loaded. It is also where the commit number of a batch is kept. Pure.

use crate::checksum::crc32c;
use crate::error::{Error, ErrorKind, Result};

/// Bytes of an entry.
pub(crate) const ENTRY_BYTES: usize = 32;

/// What the index says of one batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct IndexEntry {
    /// Its first offset, less that of the segment.
    pub(crate) offset: u32,
    /// Where it begins in the segment.
    pub(crate) at: u32,
    /// Its length.
    pub(crate) len: u32,
    /// Number of the commit that it came with.
    pub(crate) commit: u64,
    /// The highest timestamp of the segment up to this batch: ascending, so that times can be searched for.
    pub(crate) max_timestamp: i64,
}

impl IndexEntry {
    /// Appends the entry.
    pub(crate) fn put(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&self.offset.to_le_bytes());
        out.extend_from_slice(&self.at.to_le_bytes());
        out.extend_from_slice(&self.len.to_le_bytes());
        out.extend_from_slice(&[0; 4]);
        out.extend_from_slice(&self.commit.to_le_bytes());
        out.extend_from_slice(&self.max_timestamp.to_le_bytes());
        let crc = crc32c(&out[start..]);
        out[start + 12..start + 16].copy_from_slice(&crc.to_le_bytes());
    }

    /// Reads an entry back.
    ///
    /// # Errors
    /// `Corrupt` if its checksum is wrong.
    pub(crate) fn read(bytes: &[u8; ENTRY_BYTES]) -> Result<Self> {
        let mut unsealed = *bytes;
        unsealed[12..16].fill(0);
        if crc32c(&unsealed) != u32_at(bytes, 12) {
            return Err(Error::new(
                ErrorKind::Corrupt,
                "index entry has a wrong checksum",
            ));
        }
        Ok(Self {
            offset: u32_at(bytes, 0),
            at: u32_at(bytes, 4),
            len: u32_at(bytes, 8),
            commit: u64_at(bytes, 16),
            max_timestamp: u64_at(bytes, 24) as i64,
        })
    }
}

fn u32_at(bytes: &[u8; ENTRY_BYTES], at: usize) -> u32 {
    let mut field = [0; 4];
    field.copy_from_slice(&bytes[at..at + 4]);
    u32::from_le_bytes(field)
}

fn u64_at(bytes: &[u8; ENTRY_BYTES], at: usize) -> u64 {
    let mut field = [0; 8];
    field.copy_from_slice(&bytes[at..at + 8]);
    u64::from_le_bytes(field)
}
