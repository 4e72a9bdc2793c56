//! Runs: the immutable files of a key index. Blocks of entries in the order of their terms' hashes, a directory of
//! the blocks, a Bloom filter, a footer.

mod filter;
mod reader;
mod writer;

pub(super) use reader::{Run, RunEntries};
pub(super) use writer::RunWriter;

use crate::error::{Error, ErrorKind};

/// First bytes of a run file.
const MAGIC: [u8; 8] = *b"HWKEYS\0\x01";
/// Bytes at the end of a run file: [`Footer`].
const FOOTER_BYTES: usize = 64;
/// A block is closed once it has this many bytes.
const BLOCK_BYTES: usize = 2 << 10;
/// Bytes of the checksum before each block.
const CRC_BYTES: usize = 4;

/// Names a run: the offsets that it indexes, and the how-manieth run over them it is.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Serialize, serde::Deserialize,
)]
pub(crate) struct RunId {
    /// The first offset.
    pub(crate) from: u64,
    /// The offset after the last.
    pub(crate) to: u64,
    /// Higher for a run that replaces others.
    pub(crate) generation: u64,
}

impl RunId {
    /// The file's name.
    pub(crate) fn file_name(&self) -> String {
        format!("{:020}-{:020}-{}.keys", self.from, self.to, self.generation)
    }

    /// Whether a file is a run.
    pub(crate) fn is_file_name(name: &str) -> bool {
        name.ends_with(".keys")
    }
}

/// What lies at the end of a run file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Footer {
    entries: u64,
    /// Where the blocks end and the directory begins.
    directory_at: u64,
    directory_bytes: u64,
    filter_bytes: u64,
    /// Checksum of directory and filter.
    crc: u32,
}

impl Footer {
    fn encode(&self) -> [u8; FOOTER_BYTES] {
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

    fn decode(bytes: &[u8; FOOTER_BYTES]) -> Option<Self> {
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

fn damaged(path: &str, what: &str) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("key index {path:?} is damaged: {what}"),
    )
    .with_hint("restore the data directory from a backup: the index holds versions that nothing else knows")
}
