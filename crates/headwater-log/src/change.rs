//! Changes of the log's metadata. Like records they are part of a commit and are found again at recovery.

use crate::checkpoint::SegmentCut;
use crate::keyindex::RunId;
use crate::record::Offset;
use crate::topic::TopicConfig;

/// What a compaction has put in the place of what. The new files are durable before this is committed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Compacted {
    /// Id of the topic.
    pub(crate) topic: u64,
    /// The partition.
    pub(crate) partition: u32,
    /// The segments that go: base and revision of each, adjacent and closed.
    pub(crate) old: Vec<(u64, u32)>,
    /// The segments that take their place, at least one.
    pub(crate) new: Vec<SegmentCut>,
    /// The run of the key index that takes the place of those within its offsets.
    pub(crate) run: Option<RunId>,
    /// How far compaction has gone now.
    pub(crate) cleaned: u64,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Change {
    /// A topic comes to be.
    CreateTopic {
        /// Its id.
        id: u64,
        /// Its name.
        name: String,
        /// How it is kept.
        config: TopicConfig,
    },
    /// A topic is kept otherwise, perhaps with more partitions.
    AlterTopic {
        /// Its id.
        id: u64,
        /// How it is kept from now on.
        config: TopicConfig,
    },
    /// A topic goes, with its records.
    DeleteTopic {
        /// Its id.
        id: u64,
    },
    /// A partition begins later.
    Trim {
        /// Id of the topic.
        topic: u64,
        /// The partition.
        partition: u32,
        /// Its first offset from now on.
        start: Offset,
    },
    /// Segments of a partition are rewritten.
    Compact(Compacted),
    /// An owner's pin is set or moved.
    Pin {
        /// The owner.
        owner: String,
        /// Id of the topic.
        topic: u64,
        /// The partition.
        partition: u32,
        /// Kept from here on.
        offset: Offset,
    },
    /// All pins of an owner go.
    Unpin {
        /// The owner.
        owner: String,
    },
}
