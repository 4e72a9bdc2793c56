//! Reading by key, and by types and tags: what makes a topic an event store.

use std::ops::ControlFlow;

use crate::batch::RecordRef;
use crate::clock::Timestamp;
use crate::commit::Query;
use crate::error::{Error, ErrorKind, Result};
use crate::keyindex::{KeyIndex, Terms};
use crate::log::Log;
use crate::lookup::Reader;
use crate::partition::Partition;
use crate::record::{CommitNumber, Offset, Record, TopicPartition, Version};

/// Offsets that a query looks up at a time.
const LOOK_UPS_AT_ONCE: usize = 4096;

/// In which order the records of a key are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// From the oldest on.
    #[default]
    Forward,
    /// From the newest on.
    Backward,
}

/// Which records of a key are read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReadKey {
    /// In which order.
    pub direction: Direction,
    /// The version to begin with; `None`: the oldest, or backward the newest.
    pub from: Option<Version>,
    /// Only records whose timestamp is not later.
    pub until: Option<Timestamp>,
    /// At most so many.
    pub limit: usize,
}

impl Default for ReadKey {
    /// All of them, forward.
    fn default() -> Self {
        Self {
            direction: Direction::Forward,
            from: None,
            until: None,
            limit: usize::MAX,
        }
    }
}

/// A record of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyedRecord {
    /// Its version.
    pub version: Version,
    /// Its place in the partition.
    pub offset: Offset,
    /// The commit that it came with.
    pub commit: CommitNumber,
    /// The record.
    pub record: Record,
}

/// A record of a key, borrowed from its batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyedRef<'a> {
    /// Its version.
    pub version: Version,
    /// The commit that it came with.
    pub commit: CommitNumber,
    /// The record.
    pub record: RecordRef<'a>,
}

/// A record that matches a query.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundRecord {
    /// Its place in the partition.
    pub offset: Offset,
    /// The commit that it came with.
    pub commit: CommitNumber,
    /// The record.
    pub record: Record,
}

/// What a query found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The records, in order.
    pub records: Vec<FoundRecord>,
    /// Everything before this offset has been looked at: what [`Condition::NoneSince`](crate::Condition::NoneSince)
    /// takes, and where to go on if the limit was reached.
    pub next: Offset,
}

impl Log {
    /// The version of a key's newest record; `None`: it has no record.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if the topic has no key index, `Corrupt`.
    pub fn key_version(&self, of: &TopicPartition, key: &[u8]) -> Result<Option<Version>> {
        let partition = self.partition(of)?;
        keys(&partition)?.version(key, &live(&partition))
    }

    /// The version of a key's newest record before `end`: of an append that got offsets up to there.
    ///
    /// # Errors
    /// As [`key_version`](Self::key_version).
    pub fn key_version_before(
        &self,
        of: &TopicPartition,
        key: &[u8],
        end: Offset,
    ) -> Result<Option<Version>> {
        let partition = self.partition(of)?;
        let mut live = live(&partition);
        live.end = live.end.min(end.0);
        keys(&partition)?.version(key, &live)
    }

    /// The records of a key.
    ///
    /// # Errors
    /// As [`key_version`](Self::key_version).
    pub fn read_key(
        &self,
        of: &TopicPartition,
        key: &[u8],
        read: ReadKey,
    ) -> Result<Vec<KeyedRecord>> {
        let mut found = Vec::new();
        self.for_each_of_key(of, key, read, |keyed| {
            found.push(KeyedRecord {
                version: keyed.version,
                offset: keyed.record.offset,
                commit: keyed.commit,
                record: keyed.record.to_record(),
            });
            ControlFlow::Continue(())
        })?;
        Ok(found)
    }

    /// Calls `f` with each record of a key, borrowed, until it breaks.
    ///
    /// # Errors
    /// As [`key_version`](Self::key_version); the records before the error have been handed out.
    pub fn for_each_of_key(
        &self,
        of: &TopicPartition,
        key: &[u8],
        read: ReadKey,
        mut f: impl FnMut(KeyedRef<'_>) -> ControlFlow<()>,
    ) -> Result<()> {
        let partition = self.partition(of)?;
        let mut postings = keys(&partition)?.postings(key, &live(&partition))?;
        match read.direction {
            Direction::Forward => postings.retain(|p| read.from.is_none_or(|f| p.version >= f.0)),
            Direction::Backward => {
                postings.retain(|p| read.from.is_none_or(|f| p.version <= f.0));
                postings.reverse();
            }
        }
        let mut reader = Reader::new(self.shared(), &partition);
        let mut left = read.limit;
        for posting in &postings {
            if left == 0 {
                break;
            }
            let flow = reader.read(Offset(posting.offset), |commit, record| {
                if read.until.is_some_and(|until| record.timestamp > until) {
                    return ControlFlow::Continue(());
                }
                left -= 1;
                f(KeyedRef {
                    version: Version(posting.version),
                    commit,
                    record,
                })
            })?;
            if flow == Some(ControlFlow::Break(())) {
                break;
            }
        }
        Ok(())
    }

    /// The records of a one-partition topic at or after `after` that match, at most `limit` of them.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if the topic has no key index or many partitions, `Corrupt`.
    pub fn query(&self, topic: &str, query: &Query, after: Offset, limit: usize) -> Result<Found> {
        let mut records = Vec::new();
        let next = self.for_each_match(topic, query, after, limit, |commit, record| {
            records.push(FoundRecord {
                offset: record.offset,
                commit,
                record: record.to_record(),
            });
        })?;
        Ok(Found { records, next })
    }

    /// About how many records of a one-partition topic at or after `after` match: not fewer than do, but perhaps many more, for
    /// older ones are counted in part, and what compaction took. Cheap, unless a query is new and its terms are frequent.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn estimate(&self, topic: &str, query: &Query, after: Offset) -> Result<u64> {
        let partition = self.shared().topics().only_partition(topic)?;
        let mut live = live(&partition);
        live.start = live.start.max(after.0);
        keys(&partition)?.count(&Terms::of(query), &live)
    }

    /// Calls `f` with each record of a one-partition topic at or after `after` that matches, borrowed, and with its commit, at
    /// most `limit` times; gives [`Found::next`].
    ///
    /// # Errors
    /// As [`query`](Self::query); the records before the error have been handed out.
    pub fn for_each_match(
        &self,
        topic: &str,
        query: &Query,
        after: Offset,
        limit: usize,
        mut f: impl FnMut(CommitNumber, RecordRef<'_>),
    ) -> Result<Offset> {
        let partition = self.shared().topics().only_partition(topic)?;
        let query = Terms::of(query);
        let mut reader = Reader::new(self.shared(), &partition);
        let (mut next, mut left) = (after, limit);
        while left > 0 {
            let count = LOOK_UPS_AT_ONCE.min(left);
            let (offsets, to) = matches(&partition, &query, next, count)?;
            for offset in &offsets {
                let found = reader.read(*offset, &mut f)?;
                left -= usize::from(found.is_some());
            }
            next = to;
            if offsets.len() < count {
                break;
            }
        }
        Ok(next)
    }

    /// Where the records of a one-partition topic are that match, at or after `after`, at most `limit` of them, and
    /// [`Found::next`]. Compaction and retention may take some of them before they are [read](Self::for_each_at).
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn matches(
        &self,
        topic: &str,
        query: &Query,
        after: Offset,
        limit: usize,
    ) -> Result<(Vec<Offset>, Offset)> {
        let partition = self.shared().topics().only_partition(topic)?;
        matches(&partition, &Terms::of(query), after, limit)
    }

    /// Calls `f` with the record at each offset, borrowed, and with its commit; those that are gone are left out.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`; the records before the error have been handed out.
    pub fn for_each_at(
        &self,
        of: &TopicPartition,
        offsets: &[Offset],
        mut f: impl FnMut(CommitNumber, RecordRef<'_>),
    ) -> Result<()> {
        let partition = self.partition(of)?;
        let mut reader = Reader::new(self.shared(), &partition);
        for offset in offsets {
            reader.read(*offset, &mut f)?;
        }
        Ok(())
    }
}

/// The offsets that match, and how far that was looked.
fn matches(
    partition: &Partition,
    query: &Terms,
    after: Offset,
    limit: usize,
) -> Result<(Vec<Offset>, Offset)> {
    let mut live = live(partition);
    live.start = live.start.max(after.0);
    let end = Offset(live.end.max(after.0));
    let offsets = keys(partition)?.matches(query, &live, limit)?;
    let next = match offsets.last() {
        Some(last) if offsets.len() == limit => Offset(last + 1),
        _ if limit == 0 => after,
        _ => end,
    };
    Ok((offsets.into_iter().map(Offset).collect(), next))
}

fn keys(partition: &Partition) -> Result<&KeyIndex> {
    partition
        .keys()
        .ok_or_else(|| no_key_index(&partition.name.topic))
}

/// A topic cannot be read by key.
pub(crate) fn no_key_index(topic: &str) -> Error {
    Error::new(
        ErrorKind::Unsupported,
        format!("topic {topic:?} has no key index"),
    )
    .with_hint("make the topic with a key index")
}

fn live(partition: &Partition) -> std::ops::Range<u64> {
    let view = partition.view();
    view.start().0..view.end().0
}
