//! The state of the log between two groups of commits, and the file in which the newest such state is kept.

use bytes::Bytes;

use crate::checksum::crc32c;
use crate::disk::{Disk, OpenMode, read_all};
use crate::error::{Error, ErrorKind, Result, storage};
use crate::keyindex::IndexManifest;
use crate::record::{CommitNumber, Offset};
use crate::segment::Extent;
use crate::topic::TopicConfig;
use crate::topics::{Garbage, PinKey};
use crate::wal::file::WalPosition;

/// The file.
pub(crate) const CHECKPOINT: &str = "checkpoint";
/// The file while it is written.
const CHECKPOINT_NEW: &str = "checkpoint.new";
const MAGIC: &[u8; 8] = b"HWCKPT\0\x01";
const HEADER_BYTES: usize = 16;

/// The state between two groups.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Cut {
    /// The newest commit.
    pub(crate) last: CommitNumber,
    /// The end of the write-ahead log.
    pub(crate) wal: WalPosition,
    pub(crate) next_topic: u64,
    pub(crate) topics: Vec<TopicCut>,
    pub(crate) positions: Vec<PositionCut>,
    pub(crate) pins: Vec<(PinKey, Offset)>,
    /// What may be removed once this is durable.
    pub(crate) garbage: Vec<Garbage>,
}

/// A position.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct PositionCut {
    pub(crate) owner: String,
    #[serde(with = "hex")]
    pub(crate) value: Bytes,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct TopicCut {
    pub(crate) id: u64,
    pub(crate) name: String,
    pub(crate) config: TopicConfig,
    pub(crate) partitions: Vec<PartitionCut>,
}

/// A partition.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct PartitionCut {
    pub(crate) start: u64,
    pub(crate) end: u64,
    /// Its segments, the last one open.
    pub(crate) segments: Vec<SegmentCut>,
    /// The runs of its key index; filled in once they are written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) index: Option<IndexManifest>,
    /// How far compaction has gone.
    #[serde(default)]
    pub(crate) cleaned: u64,
}

/// A segment.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct SegmentCut {
    pub(crate) base: u64,
    pub(crate) revision: u32,
    pub(crate) extent: Extent,
}

impl Cut {
    /// That of a log without commits.
    pub(crate) fn empty() -> Self {
        Self {
            last: CommitNumber(0),
            wal: WalPosition {
                generation: 0,
                at: 0,
            },
            next_topic: 1,
            topics: Vec::new(),
            positions: Vec::new(),
            pins: Vec::new(),
            garbage: Vec::new(),
        }
    }
}

/// Puts a state in the place of the one in the file, durably and at once.
///
/// # Errors
/// `Unavailable` if the disk is full; then the former state stays.
pub(crate) fn write(disk: &dyn Disk, cut: &Cut) -> Result<()> {
    let bytes = encode(cut)?;
    let replace = || {
        disk.remove(CHECKPOINT_NEW)?;
        let file = disk.open(CHECKPOINT_NEW, OpenMode::Create)?;
        file.write_at(&bytes, 0)?;
        file.sync()?;
        disk.rename(CHECKPOINT_NEW, CHECKPOINT)?;
        disk.sync_dir("")
    };
    replace().map_err(|e| storage("checkpoint", CHECKPOINT, e))
}

/// Reads the state in the file; `None` if there is no file.
///
/// # Errors
/// `Corrupt`, `Unavailable`.
pub(crate) fn read(disk: &dyn Disk) -> Result<Option<Cut>> {
    let bytes = match disk.open(CHECKPOINT, OpenMode::Read) {
        Err(e) if e.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        file => file.and_then(|file| read_all(&*file)),
    };
    decode(&bytes.map_err(|e| storage("checkpoint", CHECKPOINT, e))?).map(Some)
}

fn encode(cut: &Cut) -> Result<Vec<u8>> {
    let mut bytes = vec![0; HEADER_BYTES];
    serde_json::to_writer(&mut bytes, cut)
        .map_err(|e| Error::new(ErrorKind::Bug, "checkpoint cannot be encoded").with_source(e))?;
    let len = (bytes.len() - HEADER_BYTES) as u32;
    bytes[..8].copy_from_slice(MAGIC);
    bytes[8..12].copy_from_slice(&len.to_le_bytes());
    let crc = crc32c(&bytes[HEADER_BYTES..]);
    bytes[12..16].copy_from_slice(&crc.to_le_bytes());
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Cut> {
    let damaged = || {
        Error::new(
            ErrorKind::Corrupt,
            format!("checkpoint \"{CHECKPOINT}\" is damaged"),
        )
        .with_hint("restore the data directory; nothing in it has been changed")
    };
    let (header, json) = bytes.split_at_checked(HEADER_BYTES).ok_or_else(damaged)?;
    let whole = &header[..8] == MAGIC
        && header[8..12] == (json.len() as u32).to_le_bytes()
        && header[12..16] == crc32c(json).to_le_bytes();
    if !whole {
        return Err(damaged());
    }
    serde_json::from_slice(json).map_err(|e| damaged().with_source(e))
}

/// Bytes as hexadecimal digits.
mod hex {
    use std::fmt::Write;

    use bytes::Bytes;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(bytes: &Bytes, to: S) -> Result<S::Ok, S::Error> {
        let mut digits = String::with_capacity(bytes.len() * 2);
        for byte in bytes {
            write!(digits, "{byte:02x}").map_err(serde::ser::Error::custom)?;
        }
        to.serialize_str(&digits)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Bytes, D::Error> {
        let digits = String::deserialize(from)?;
        let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
        if !rest.is_empty() {
            return Err(D::Error::custom("odd number of digits"));
        }
        let byte = |pair: &[u8; 2]| {
            let digits = std::str::from_utf8(pair).map_err(D::Error::custom)?;
            u8::from_str_radix(digits, 16).map_err(D::Error::custom)
        };
        pairs.iter().map(byte).collect()
    }
}
