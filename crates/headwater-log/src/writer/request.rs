//! What the writer is asked to do.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use bytes::Bytes;
use smallvec::SmallVec;

use crate::batch::LogBatch;
use crate::change::Compacted;
use crate::checkpoint::Cut;
use crate::commit::ExpectedVersion;
use crate::keyindex::{Entries, Term, Terms};
use crate::partition::Partition;
use crate::pending::Promise;
use crate::record::{Offset, TopicPartition};
use crate::topic::TopicConfig;

/// One request, in the queue.
#[derive(Debug)]
pub(crate) struct Request {
    pub(crate) work: Work,
    pub(crate) promise: Promise,
}

impl Request {
    /// Bytes of records that it holds.
    pub(crate) fn bytes(&self) -> usize {
        match &self.work {
            Work::Commit(commit) => commit.wal_bytes + commit.direct_bytes,
            Work::Metadata(_) | Work::Cut(_) => 0,
        }
    }
}

/// The work of a request.
#[derive(Debug)]
pub(crate) enum Work {
    /// An atomic append.
    Commit(Box<Prepared>),
    /// A change of the metadata.
    Metadata(Box<MetadataRequest>),
    /// The state between two groups, for a checkpoint.
    Cut(Sender<Cut>),
}

/// A commit whose names are resolved and whose records are encoded, with offsets from 0. The most frequent one, one batch for one
/// partition, is in one piece: memory that one thread asks for and another gives back costs more than all else that is done for it.
#[derive(Debug, Default)]
pub(crate) struct Prepared {
    pub(crate) appends: SmallVec<[PreparedAppend; 1]>,
    /// Room for the offsets that the appends will get, from the thread that will also let go of them.
    pub(crate) offsets: Vec<Offset>,
    pub(crate) conditions: Vec<PreparedCondition>,
    pub(crate) positions: Vec<(String, Option<Bytes>)>,
    /// Bytes that its frame will take in the write-ahead log.
    pub(crate) wal_bytes: usize,
    /// Bytes that will go straight to segments.
    pub(crate) direct_bytes: usize,
}

/// Records for one partition.
#[derive(Debug)]
pub(crate) struct PreparedAppend {
    pub(crate) partition: Arc<Partition>,
    pub(crate) batches: SmallVec<[PreparedBatch; 1]>,
    /// What its records put into the key index, if the partition has one.
    pub(crate) entries: Option<Entries>,
}

/// One batch of an append.
#[derive(Debug)]
pub(crate) struct PreparedBatch {
    pub(crate) batch: LogBatch,
    /// Whether it goes straight to its segment.
    pub(crate) direct: bool,
}

/// A condition whose names are resolved.
#[derive(Debug)]
pub(crate) enum PreparedCondition {
    Version {
        of: Arc<Partition>,
        key: Term,
        expected: ExpectedVersion,
    },
    NoneSince {
        of: Arc<Partition>,
        terms: Terms,
        after: Offset,
    },
    Position {
        owner: String,
        expected: Option<Bytes>,
    },
}

/// A wish for a change of the metadata, by names.
#[derive(Debug)]
pub(crate) enum MetadataRequest {
    CreateTopic {
        name: String,
        config: TopicConfig,
    },
    AlterTopic {
        name: String,
        config: TopicConfig,
    },
    DeleteTopic {
        name: String,
    },
    Trim {
        of: TopicPartition,
        before: Offset,
    },
    /// Rewritten segments are to take effect.
    Compact(Compacted),
    Pin {
        owner: String,
        of: TopicPartition,
        offset: Offset,
    },
    Unpin {
        owner: String,
    },
}
