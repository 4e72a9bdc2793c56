//! The one primitive: an atomic, durable, conditional append to any number of partitions.

use bytes::Bytes;

use crate::record::{CommitNumber, Offset, Record, TopicPartition, Version};

/// Records for one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where to.
    pub to: TopicPartition,
    /// The records, at least one.
    pub records: Vec<Record>,
}

/// The version that a key must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExpectedVersion {
    /// Any, none included.
    Any,
    /// The key has no record.
    NoStream,
    /// The key has a record, of whatever version.
    Exists,
    /// The key's newest record has this version.
    Exact(Version),
}

/// A query over types and tags of a one-partition topic: a record matches if any item matches; an item matches if
/// its type is one of `types` (or `types` is empty) and it has all of `tags`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Query {
    /// The alternatives.
    pub items: Vec<QueryItem>,
}

/// One alternative of a [`Query`].
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct QueryItem {
    /// Values of the record's `type` header; empty: any.
    pub types: Vec<String>,
    /// Values of the record's `tag` headers, all of which it must have.
    pub tags: Vec<String>,
}

/// What must hold for a commit to happen; checked in the order of commits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// A key of a topic with a key index has this version.
    Version {
        /// The partition that the key lives in.
        of: TopicPartition,
        /// The key.
        key: Bytes,
        /// What is expected.
        expected: ExpectedVersion,
    },
    /// Nothing that matches the query was appended at or after `after` (dynamic consistency boundary).
    NoneSince {
        /// The one-partition topic.
        topic: String,
        /// What must not have come.
        query: Query,
        /// The offset after the last record that the decision has seen.
        after: Offset,
    },
    /// The position of `owner` is still this.
    Position {
        /// Whose position.
        owner: String,
        /// `None`: it has none.
        expected: Option<Bytes>,
    },
}

/// An atomic, durable, conditional append.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Commit {
    /// The records.
    pub appends: Vec<Append>,
    /// What must hold.
    pub conditions: Vec<Condition>,
    /// Positions to store with the records: owner and value; `None` removes it.
    pub positions: Vec<(String, Option<Bytes>)>,
}

impl Commit {
    /// An empty commit.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds records for a partition.
    #[must_use]
    pub fn append(mut self, to: TopicPartition, records: impl IntoIterator<Item = Record>) -> Self {
        self.appends.push(Append {
            to,
            records: records.into_iter().collect(),
        });
        self
    }

    /// Adds a condition.
    #[must_use]
    pub fn when(mut self, condition: Condition) -> Self {
        self.conditions.push(condition);
        self
    }

    /// Stores a position with the records.
    #[must_use]
    pub fn position(mut self, owner: impl Into<String>, value: impl Into<Bytes>) -> Self {
        self.positions.push((owner.into(), Some(value.into())));
        self
    }
}

/// What a durable commit got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// Its number.
    pub number: CommitNumber,
    /// For each append, in order, the offset of its first record.
    pub offsets: Vec<Offset>,
    /// In topics with a key index, for each run of records of one key, in order, the version of its last record.
    pub versions: Vec<Version>,
}
