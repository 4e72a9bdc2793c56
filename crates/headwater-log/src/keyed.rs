//! Reading by key, and by types and tags: what makes a topic an event store.

use crate::clock::Timestamp;
use crate::commit::Query;
use crate::error::{Error, ErrorKind, Result};
use crate::keyindex::{KeyIndex, Posting};
use crate::log::Log;
use crate::partition::Partition;
use crate::read::{Fetched, fetch};
use crate::record::{CommitNumber, Offset, Record, TopicPartition, Version};
use crate::shared::Shared;

/// Records that are looked up at a time.
const LOOK_UPS_AT_ONCE: usize = 256;

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
        let partition = self.partition(of)?;
        let mut postings = keys(&partition)?.postings(key, &live(&partition))?;
        match read.direction {
            Direction::Forward => postings.retain(|p| read.from.is_none_or(|f| p.version >= f.0)),
            Direction::Backward => {
                postings.retain(|p| read.from.is_none_or(|f| p.version <= f.0));
                postings.reverse();
            }
        }
        let mut found = Vec::new();
        let mut rest = &postings[..];
        while !rest.is_empty() && found.len() < read.limit {
            let count = rest
                .len()
                .min(LOOK_UPS_AT_ONCE)
                .min(read.limit - found.len());
            let (some, later) = rest.split_at(count);
            look_up(self.shared(), &partition, some, &read, &mut found)?;
            rest = later;
        }
        Ok(found)
    }

    /// The records of a one-partition topic at or after `after` that match, at most `limit` of them.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if the topic has no key index or many partitions, `Corrupt`.
    pub fn query(&self, topic: &str, query: &Query, after: Offset, limit: usize) -> Result<Found> {
        let partition = self.shared().topics().only_partition(topic)?;
        let mut live = live(&partition);
        live.start = live.start.max(after.0);
        let mut found = Found {
            records: Vec::new(),
            next: Offset(live.end.max(after.0)),
        };
        while found.records.len() < limit {
            let count = LOOK_UPS_AT_ONCE.min(limit - found.records.len());
            let offsets = keys(&partition)?.matches(query, &live, count)?;
            let reader = &mut Reader::new(self.shared(), &partition);
            for offset in &offsets {
                if let Some((commit, record)) = reader.read(*offset)? {
                    found.records.push(FoundRecord {
                        offset: Offset(*offset),
                        commit,
                        record,
                    });
                }
            }
            match offsets.last() {
                Some(last) if offsets.len() == count => live.start = last + 1,
                _ => return Ok(found),
            }
        }
        found.next = Offset(live.start);
        Ok(found)
    }
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

/// Adds the records at `postings`, which are in the order of `read`.
fn look_up(
    shared: &Shared,
    partition: &Partition,
    postings: &[Posting],
    read: &ReadKey,
    found: &mut Vec<KeyedRecord>,
) -> Result<()> {
    let reader = &mut Reader::new(shared, partition);
    for posting in postings {
        let Some((commit, record)) = reader.read(posting.offset)? else {
            continue;
        };
        if read
            .until
            .is_some_and(|until| record.timestamp > Some(until))
        {
            continue;
        }
        found.push(KeyedRecord {
            version: Version(posting.version),
            offset: Offset(posting.offset),
            commit,
            record,
        });
    }
    Ok(())
}

/// Reads single records, and remembers the batch of the last one.
struct Reader<'a> {
    shared: &'a Shared,
    partition: &'a Partition,
    last: Option<Fetched>,
}

impl<'a> Reader<'a> {
    fn new(shared: &'a Shared, partition: &'a Partition) -> Self {
        Self {
            shared,
            partition,
            last: None,
        }
    }

    /// The record at an offset; `None` if retention or compaction took it meanwhile.
    fn read(&mut self, offset: u64) -> Result<Option<(CommitNumber, Record)>> {
        if let Some(found) = self.in_last(offset)? {
            return Ok(Some(found));
        }
        match fetch(self.shared, self.partition, Offset(offset), 1) {
            Ok(fetched) => self.last = Some(fetched),
            Err(_) if self.partition.view().start().0 > offset => return Ok(None),
            Err(e) => return Err(e),
        }
        self.in_last(offset)
    }

    fn in_last(&self, offset: u64) -> Result<Option<(CommitNumber, Record)>> {
        let Some(last) = &self.last else {
            return Ok(None);
        };
        for (batch, commit) in last.batches.iter().zip(&last.commits) {
            if (batch.base_offset().0..=batch.last_offset().0).contains(&offset) {
                let record = batch.record_at(Offset(offset))?;
                return Ok(record.map(|record| (*commit, record)));
            }
        }
        Ok(None)
    }
}
