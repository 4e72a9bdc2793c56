//! What was read becomes durable: records and the place that they were read up to are one commit, which happens only if
//! nobody else has taken something over meanwhile.

use std::collections::BTreeMap;

use bytes::Bytes;
use headwater_log::{
    Commit, Condition, Error, ErrorKind, Log, Record, Result, Timestamp, TopicConfig,
    TopicPartition, partition_of,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::field::Row;
use super::parked::Parked;
use super::route::{Routed, key_of, route};
use super::settings::OutboxSettings;
use super::stored::about_owner;

/// The most that one transaction, or what is in a table at first, may be: it is one commit.
const COMMIT_BYTES_MAX: usize = 512 << 20;
/// Why the events of a key are kept that has one that nothing could be made of.
const BEHIND: &str = "an earlier event of this key is kept here";

/// How much was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Published {
    /// Events that became records.
    pub(super) events: u64,
    /// Events that are kept in `<table>$errors`.
    pub(super) kept: u64,
}

/// Collects records and commits them.
pub(super) struct Publisher<'a> {
    log: Log,
    settings: &'a OutboxSettings,
    stored: Option<Bytes>,
    /// What is said of the outbox where it does not run, until that is stored.
    about: Option<Bytes>,
    parked: Parked,
    records: BTreeMap<TopicPartition, Vec<Record>>,
    bytes: usize,
    batch: Published,
    /// Since the last commit.
    topics: BTreeMap<String, u32>,
}

impl<'a> Publisher<'a> {
    /// Nothing yet.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn new(log: &Log, settings: &'a OutboxSettings) -> Result<Self> {
        let about = settings.about().to_bytes()?;
        let known = log.position(&about_owner(&settings.name));
        Ok(Self {
            about: (known.as_ref() != Some(&about)).then_some(about),
            stored: log.position(&settings.owner()),
            parked: Parked::load(log, &settings.errors_topic())?,
            log: log.clone(),
            settings,
            records: BTreeMap::new(),
            bytes: 0,
            batch: Published::default(),
            topics: BTreeMap::new(),
        })
    }

    /// The place that is stored.
    ///
    /// # Errors
    /// `Corrupt` if it is not understood.
    pub(super) fn place<P: DeserializeOwned>(&self) -> Result<Option<P>> {
        let place = self.stored.as_deref().map(serde_json::from_slice);
        place.transpose().map_err(|e| {
            let text = format!(
                "what is stored of outbox '{}' is not understood",
                self.settings.name
            );
            Error::new(ErrorKind::Corrupt, text).with_source(e)
        })
    }

    /// Whether nothing is to be committed.
    pub(super) fn is_empty(&self) -> bool {
        self.records.is_empty()
    }

    /// About how many bytes are to be committed.
    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// An event.
    ///
    /// # Errors
    /// `Unsupported` if there are too many for one commit; those of the log.
    pub(super) fn put(&mut self, row: &Row, time: Option<Timestamp>) -> Result<()> {
        let key = key_of(row, &self.settings.router);
        let is_behind = key.as_ref().is_some_and(|key| self.parked.has(key));
        let routed = match is_behind {
            true => Err(BEHIND.to_owned()),
            false => route(row, &self.settings.router, time),
        };
        match routed.and_then(|routed| self.destination(&routed).map(|to| (to, routed.record))) {
            Ok((to, record)) => {
                self.batch.events += 1;
                self.push(to, record)
            }
            Err(why) => self.keep(row, key, &why, time),
        }
    }

    /// Something that is no row at all.
    ///
    /// # Errors
    /// As [`Publisher::put`].
    pub(super) fn keep(
        &mut self,
        row: &Row,
        key: Option<Bytes>,
        why: &str,
        time: Option<Timestamp>,
    ) -> Result<()> {
        let record = self.parked.keep(&self.log, row, key, why, time)?;
        self.batch.kept += 1;
        self.push(self.parked.topic.clone(), record)
    }

    fn push(&mut self, to: TopicPartition, record: Record) -> Result<()> {
        let len = |bytes: &Option<Bytes>| bytes.as_ref().map_or(0, Bytes::len);
        self.bytes += len(&record.key) + len(&record.value) + 64;
        if self.bytes > COMMIT_BYTES_MAX {
            let text = format!("more than {COMMIT_BYTES_MAX} bytes of events at once");
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("write less in one transaction, and delete old rows from the outbox"));
        }
        self.records.entry(to).or_default().push(record);
        Ok(())
    }

    /// The partition that a record goes to; its topic is made if there is none.
    fn destination(&mut self, routed: &Routed) -> Result<TopicPartition, String> {
        let partitions = match self.topics.get(&routed.topic) {
            Some(partitions) => *partitions,
            None => {
                let made = self.ensure(&routed.topic).map_err(|e| e.to_string())?;
                self.topics.insert(routed.topic.clone(), made);
                made
            }
        };
        let partition = match (routed.partition, &routed.record.key) {
            (Some(partition), _) if partition < partitions => partition,
            (Some(_), _) => return Err("the topic has no such partition".to_owned()),
            (None, Some(key)) => partition_of(key, partitions),
            (None, None) => 0,
        };
        Ok(TopicPartition::new(routed.topic.clone(), partition))
    }

    fn ensure(&self, topic: &str) -> Result<u32> {
        if let Some(known) = self.log.topic(topic) {
            return Ok(known.config.partitions.max(1));
        }
        let config = TopicConfig::partitions(self.settings.partitions);
        match self.log.create_topic(topic, config) {
            Err(e) if e.kind() == ErrorKind::Conflict => self.ensure(topic),
            Err(e) => Err(e),
            Ok(()) => Ok(self.settings.partitions),
        }
    }

    /// Commits what was put, and the place that it was read up to.
    ///
    /// # Errors
    /// `Conflict` if somebody else has the same outbox; those of the log.
    pub(super) fn commit(&mut self, place: &impl Serialize) -> Result<Published> {
        let place = serde_json::to_vec(place)
            .map_err(|e| Error::new(ErrorKind::Bug, "a place that is no JSON").with_source(e))?;
        let (owner, place) = (self.settings.owner(), Bytes::from(place));
        let is_still = Condition::Position {
            owner: owner.clone(),
            expected: self.stored.clone(),
        };
        let mut commit = Commit::new().when(is_still).position(owner, place.clone());
        if let Some(about) = self.about.take() {
            commit = commit.position(about_owner(&self.settings.name), about);
        }
        for (to, records) in std::mem::take(&mut self.records) {
            commit = commit.append(to, records);
        }
        self.log.commit(commit)?;
        self.stored = Some(place);
        self.bytes = 0;
        self.topics.clear();
        self.parked.refresh(&self.log)?;
        Ok(std::mem::take(&mut self.batch))
    }
}
