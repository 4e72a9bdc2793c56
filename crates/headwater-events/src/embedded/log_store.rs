//! [`LogStore`].

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Log, Offset, Subscription, TopicConfig, TopicPartition};

use super::ahead::Ahead;
use super::arrivals::Arrivals;
use super::{append, read};
use crate::aggregate::LogSnapshots;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Position, Recorded};
use crate::store::{Append, Appended, EventStore, Page, ReadAll, ReadStream, Store, Visitor};
use crate::task::Task;

/// The event store on the embedded log. Reading is done by whoever awaits it, from the page cache as a rule; an append
/// waits for the disk without a thread.
#[derive(Debug)]
pub struct LogStore {
    pub(super) log: Log,
    pub(super) of: TopicPartition,
    pub(super) ahead: Ahead,
    arrivals: Arc<Arrivals>,
    /// Keeps the log's calls coming.
    _calls: Subscription,
}

impl LogStore {
    /// The store in a topic, which is made if it is not there.
    ///
    /// # Errors
    /// `Invalid` if the topic is there and has more than one partition or no key index; `Unavailable`.
    pub fn open(log: Log, topic: &str) -> Result<Self> {
        match log.topic(topic) {
            None => log.create_topic(topic, config())?,
            Some(t) if t.config.partitions == 1 && t.config.key_index => {}
            Some(_) => {
                return Err(
                    Error::invalid(format!("topic {topic:?} cannot be an event store"))
                        .with_hint(
                            "an event store is a topic of one partition with a key index, which the first append to it makes if no table was \
                             declared over it before",
                        ),
                );
            }
        }
        let (arrivals, calls) = Arrivals::of(&log);
        Ok(Self {
            arrivals,
            _calls: calls,
            of: TopicPartition::new(topic, 0),
            ahead: Ahead::default(),
            log,
        })
    }

    /// The log that it is in.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The topic that it is.
    pub fn topic(&self) -> &str {
        &self.of.topic
    }

    pub(super) fn end(&self) -> Result<Offset> {
        Ok(self.log.bounds(&self.of)?.end)
    }
}

impl Store {
    /// A handle on the store in a topic of the log, which is made if it is not there. States are saved in the topic
    /// `<topic>$snapshots`.
    ///
    /// # Errors
    /// As [`LogStore::open`].
    pub fn on_log(log: Log, topic: &str) -> Result<Self> {
        let snapshots = LogSnapshots::new(log.clone(), &format!("{topic}$snapshots"));
        let events = LogStore::open(log, topic)?;
        let store = Self::new(Arc::new(events)).with_snapshots(Arc::new(snapshots));
        Ok(store.named(topic))
    }
}

/// How the topic of a store is kept.
fn config() -> TopicConfig {
    TopicConfig {
        key_index: true,
        ..TopicConfig::default()
    }
}

impl EventStore for LogStore {
    fn append(&self, append: Append) -> Task<'_, Appended> {
        Box::pin(append::append(self, append))
    }

    fn read(&self, read: ReadStream) -> Task<'_, Vec<Recorded>> {
        Box::pin(async move { read::stream(self, &read) })
    }

    fn for_each<'a>(&'a self, read: ReadStream, f: Visitor<'a>) -> Task<'a, ()> {
        Box::pin(async move { read::for_each(self, &read, f) })
    }

    fn read_all(&self, read: ReadAll) -> Task<'_, Page> {
        Box::pin(async move { read::all(self, &read) })
    }

    fn wait(&self, from: Position) -> Task<'_, Position> {
        Box::pin(async move {
            let is_there = || match self.end() {
                Ok(end) if end.0 <= from.0 => None,
                other => Some(other),
            };
            let end = self.arrivals.wait_until(is_there).await?;
            Ok(Position(end.0))
        })
    }

    fn positions<'a>(&'a self, prefix: &'a str) -> Task<'a, Vec<(String, Bytes)>> {
        Box::pin(async move {
            let mut all = self.log.positions();
            all.retain(|(owner, _)| owner.starts_with(prefix));
            Ok(all)
        })
    }
}

/// An invariant of ours does not hold.
pub(super) fn bug(what: &str) -> Error {
    Error::new(ErrorKind::Bug, what)
}
