//! [`KeyedCommit`]: a commit to a topic that is read by key, encoded as it is made.

use std::sync::Arc;

use bytes::Bytes;
use smallvec::{SmallVec, smallvec};

use super::handle::Log;
use crate::batch::{HeaderBuf, RecordRef};
use crate::clock::Timestamp;
use crate::commit::{ExpectedVersion, Query};
use crate::error::Result;
use crate::keyed::no_key_index;
use crate::keyindex::{Term, Terms};
use crate::partition::Partition;
use crate::pending::Pending;
use crate::record::Offset;
use crate::writer::packing::Packing;
use crate::writer::prepare::measure;
use crate::writer::request::{Prepared, PreparedCondition};

/// A [`Commit`](crate::Commit) of records to one topic of one partition with a key index, such as an event store makes for each
/// append. What it is given is encoded at once into what the writer takes, so that it costs a few allocations however
/// many records, headers and tags it has.
///
/// ```
/// use std::sync::Arc;
/// use headwater_log::{ExpectedVersion, HeaderBuf, Log, ManualClock, Timestamp, TopicConfig, Version};
/// let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
/// log.create_topic("events", TopicConfig { key_index: true, ..TopicConfig::default() })?;
/// let mut headers = HeaderBuf::default();
/// headers.put("type", &[b"opened"]);
/// let mut commit = log.keyed_commit("events", 100)?;
/// commit.expect(b"account-7", ExpectedVersion::NoStream);
/// commit.push(b"account-7", b"{}", &headers)?;
/// let receipt = commit.submit().wait()?;
/// assert_eq!(receipt.versions, [Version(0)]);
/// # Ok::<(), headwater_log::Error>(())
/// ```
#[derive(Debug)]
pub struct KeyedCommit<'a> {
    log: &'a Log,
    partition: Arc<Partition>,
    now: Timestamp,
    packing: Packing<'a>,
    conditions: Vec<PreparedCondition>,
    /// Tags that no record may ever have had.
    unheard: Terms,
    positions: Vec<(String, Option<Bytes>)>,
}

impl Log {
    /// Begins a commit to a topic of one partition with a key index, whose records will take about `bytes`.
    ///
    /// # Errors
    /// `NotFound`, `Unsupported` if the topic has no key index or many partitions.
    pub fn keyed_commit(&self, topic: &str, bytes: usize) -> Result<KeyedCommit<'_>> {
        let shared = self.shared();
        let (partition, codec) = {
            let topics = shared.topics();
            let codec = topics.topic(topic)?.description.config.compression;
            (topics.only_partition(topic)?, codec)
        };
        if !partition.has_keys() {
            return Err(no_key_index(topic));
        }
        Ok(KeyedCommit {
            log: self,
            now: shared.clock.now(),
            packing: Packing::new(&partition, codec, shared, bytes),
            partition,
            conditions: Vec::new(),
            unheard: Terms::default(),
            positions: Vec::new(),
        })
    }
}

impl KeyedCommit<'_> {
    /// Adds a record.
    ///
    /// # Errors
    /// `Invalid` if it is too large.
    pub fn push(&mut self, key: &[u8], value: &[u8], headers: &HeaderBuf) -> Result<()> {
        self.packing.push_ref(&RecordRef {
            offset: Offset(0),
            timestamp: self.now,
            key: Some(key),
            value: Some(value),
            headers: headers.as_ref(),
        })
    }

    /// Makes it depend on the version of a key: [`Condition::Version`](crate::Condition::Version).
    pub fn expect(&mut self, key: &[u8], expected: ExpectedVersion) {
        self.conditions.push(PreparedCondition::Version {
            of: Arc::clone(&self.partition),
            key: Term::key(key),
            expected,
        });
    }

    /// Makes it depend on what has come: [`Condition::NoneSince`](crate::Condition::NoneSince).
    pub fn none_since(&mut self, query: &Query, after: Offset) {
        self.none_of(Terms::of(query), after);
    }

    /// Makes it depend on no record at or after `after` having a tag, which may come in pieces.
    pub fn none_tagged_since(&mut self, tag: &[&[u8]], after: Offset) {
        let mut terms = Terms::default();
        terms.or_tag(tag);
        self.none_of(terms, after);
    }

    /// Makes it depend on no record having a tag, which may come in pieces. These are looked at before all other conditions.
    pub fn none_tagged(&mut self, tag: &[&[u8]]) {
        self.unheard.or_tag(tag);
    }

    fn none_of(&mut self, terms: Terms, after: Offset) {
        let of = Arc::clone(&self.partition);
        let condition = PreparedCondition::NoneSince { of, terms, after };
        self.conditions.push(condition);
    }

    /// Makes it depend on a position: [`Condition::Position`](crate::Condition::Position).
    pub fn expect_position(&mut self, owner: impl Into<String>, expected: Option<Bytes>) {
        let owner = owner.into();
        let condition = PreparedCondition::Position { owner, expected };
        self.conditions.push(condition);
    }

    /// Stores a position with the records; `None` removes it.
    pub fn position(&mut self, owner: impl Into<String>, value: Option<Bytes>) {
        self.positions.push((owner.into(), value));
    }

    /// Puts it on its way, as [`Log::submit`] does.
    pub fn submit(self) -> Pending {
        let log = self.log;
        log.submit_prepared(self.prepared())
    }

    fn prepared(mut self) -> Result<Prepared> {
        if !self.unheard.is_empty() {
            let terms = std::mem::take(&mut self.unheard);
            self.none_of(terms, Offset(0));
            self.conditions.rotate_right(1);
        }
        let appends = match self.packing.records() {
            0 => SmallVec::new(),
            _ => smallvec![self.packing.finish(self.partition)?],
        };
        let mut prepared = Prepared {
            offsets: Vec::with_capacity(1),
            appends,
            conditions: self.conditions,
            positions: self.positions,
            ..Prepared::default()
        };
        measure(&mut prepared, &self.log.shared().options)?;
        Ok(prepared)
    }
}
