//! The fixed parts of a run file: the sizes of its pieces, and the footer by which they are found.

use crate::error::{Error, ErrorKind};

/// First bytes of a run file.
const MAGIC: [u8; 8] = *b"HWKEYS\0\x01";
/// Bytes at the end of a run file: [`Footer`].
pub(super) const FOOTER_BYTES: usize = 64;
/// A block is closed once it has this many bytes.
pub(super) const BLOCK_BYTES: usize = 2 << 10;
/// Bytes of the checksum before each block.
pub(super) const CRC_BYTES: usize = 4;

/// What lies at the end of a run file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Footer {
    pub(super) entries: u64,
    /// Where the blocks end and the directory begins.
    pub(super) directory_at: u64,
    pub(super) directory_bytes: u64,
    pub(super) filter_bytes: u64,
    /// Checksum of directory and filter.
    pub(super) crc: u32,
}

impl Footer {
    pub(super) fn encode(&self) -> [u8; FOOTER_BYTES] {
        let mut out = [0; FOOTER_BYTES];
        out[..8].copy_from_slice(&MAGIC);
        out[8..16].copy_from_slice(&self.entries.to_le_bytes());
        out[16..24].copy_from_slice(&self.directory_at.to_le_bytes());
        out[24..32].copy_from_slice(&self.directory_bytes.to_le_bytes());
        out[32..40].copy_from_slice(&self.filter_bytes.to_le_bytes());
        out[40..44].copy_from_slice(&self.crc.to_le_bytes());
        let crc = crc_fast::crc32_iscsi(&out[..FOOTER_BYTES - CRC_BYTES]);
        out[FOOTER_BYTES - CRC_BYTES..].copy_from_slice(&crc.to_le_bytes());
        out
    }

    pub(super) fn decode(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
        let u64_at = |at: usize| {
            let field = bytes[at..at + 8].try_into();
            u64::from_le_bytes(field.expect("8 bytes of a footer"))
        };
        let u32_at = |at: usize| {
            let field = bytes[at..at + 4].try_into();
            u32::from_le_bytes(field.expect("4 bytes of a footer"))
        };
        let crc = crc_fast::crc32_iscsi(&bytes[..FOOTER_BYTES - CRC_BYTES]);
        let whole = bytes[..8] == MAGIC && u32_at(FOOTER_BYTES - CRC_BYTES) == crc;
        whole.then(|| Self {
            entries: u64_at(8),
            directory_at: u64_at(16),
            directory_bytes: u64_at(24),
            filter_bytes: u64_at(32),
            crc: u32_at(40),
        })
    }
}

pub(super) fn damaged(path: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("key index {path:?} is damaged: {what}"),
    )
    .with_hint("restore the data directory from a backup: the index holds versions that nothing else knows")
}
