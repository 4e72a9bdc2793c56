//! What a topic is made of: its configuration, which is part of the log itself, and what readers are told of it.

use crate::batch::Codec;
use crate::error::{Error, ErrorKind, Result};
use crate::record::Offset;

/// The most partitions that a topic may have.
pub const PARTITIONS_MAX: u32 = 10_000;
/// The longest topic name, in bytes; it is part of a directory's name.
pub const TOPIC_NAME_BYTES_MAX: usize = 200;
/// The smallest size at which a segment may be closed.
pub const SEGMENT_BYTES_MIN: u64 = 4 << 10;
/// The largest size at which a segment is closed; positions in it are 32 bits wide.
pub const SEGMENT_BYTES_MAX: u64 = 2 << 30;

/// When the records of a topic go away.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Cleanup {
    /// Closed segments go from the front while a partition is larger than this.
    pub retention_bytes: Option<u64>,
    /// Closed segments go when their newest record is older than this.
    pub retention_ms: Option<i64>,
    /// Only the newest record of a key is kept.
    pub compact: bool,
    /// How long the tombstones of a compacted topic stay readable.
    pub delete_retention_ms: i64,
}

impl Default for Cleanup {
    /// Everything is kept for ever.
    fn default() -> Self {
        Self {
            retention_bytes: None,
            retention_ms: None,
            compact: false,
            delete_retention_ms: 24 * 60 * 60 * 1000,
        }
    }
}

/// How a topic is kept.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct TopicConfig {
    /// Number of partitions, at least one.
    pub partitions: u32,
    /// How batches are compressed when they are appended.
    pub compression: Codec,
    /// Whether keys have versions and can be read one by one.
    pub key_index: bool,
    /// When records go away.
    pub cleanup: Cleanup,
    /// The size at which a segment is closed and the next one begun.
    pub segment_bytes: u64,
    /// Whether it is machinery (journals, changelogs) that listings leave out.
    pub internal: bool,
}

impl Default for TopicConfig {
    fn default() -> Self {
        Self {
            partitions: 1,
            compression: Codec::None,
            key_index: false,
            cleanup: Cleanup::default(),
            segment_bytes: 128 << 20,
            internal: false,
        }
    }
}

impl TopicConfig {
    /// The default with a number of partitions.
    pub fn partitions(partitions: u32) -> Self {
        Self {
            partitions,
            ..Self::default()
        }
    }

    /// # Errors
    /// `Invalid` if a value is out of its range.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = if self.partitions == 0 || self.partitions > PARTITIONS_MAX {
            format!("a topic has 1 to {PARTITIONS_MAX} partitions")
        } else if !(SEGMENT_BYTES_MIN..=SEGMENT_BYTES_MAX).contains(&self.segment_bytes) {
            format!("segment bytes are {SEGMENT_BYTES_MIN} to {SEGMENT_BYTES_MAX}")
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Invalid, wrong))
    }
}

/// What is known of a topic.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id: a topic that is deleted and made again has another one.
    pub id: u64,
    /// How it is kept.
    pub config: TopicConfig,
}

/// Where the records of a partition begin and end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    /// The first offset that can be read.
    pub start: Offset,
    /// The offset that the next record will get; all before it are durable.
    pub end: Offset,
}

/// # Errors
/// `Invalid` if a topic cannot have this name.
pub(crate) fn check_name(name: &str) -> Result<()> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-$".contains(c);
    if (1..=TOPIC_NAME_BYTES_MAX).contains(&name.len())
        && name.chars().all(plain)
        && name != "."
        && name != ".."
    {
        return Ok(());
    }
    Err(Error::new(
        ErrorKind::Invalid,
        format!("{name:?} cannot be the name of a topic"),
    )
    .with_hint(format!(
        "a name has 1 to {TOPIC_NAME_BYTES_MAX} letters, digits and . _ - $"
    )))
}
