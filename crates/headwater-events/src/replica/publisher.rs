//! [`Publisher`]: publishes the state of things, the newest a key.

use bytes::Bytes;
use headwater_log::{
    Cleanup, Commit, CommitNumber, ErrorKind, Log, Record, TopicConfig, TopicPartition,
    partition_of,
};
use serde::Serialize;

use crate::error::{Error, Result};

/// Publishes the state of things on a compacted topic, which keeps the newest of each key.
#[derive(Debug, Clone)]
pub struct Publisher {
    log: Log,
    topic: String,
    partitions: u32,
}

impl Publisher {
    /// On a topic, which is made if it is not there.
    ///
    /// # Errors
    /// `Invalid` if the topic is there and not compacted: what it once said would be lost to new readers.
    pub fn open(log: Log, topic: &str) -> Result<Self> {
        let config = TopicConfig {
            cleanup: Cleanup {
                compact: true,
                ..Cleanup::default()
            },
            ..TopicConfig::default()
        };
        match log.create_topic(topic, config) {
            Err(error) if error.kind() != ErrorKind::Conflict => return Err(error.into()),
            _ => {}
        }
        let config = log.topic(topic).map(|t| t.config);
        match config {
            Some(config) if config.cleanup.compact => Ok(Self {
                log,
                topic: topic.to_owned(),
                partitions: config.partitions,
            }),
            _ => Err(Error::invalid(format!("topic {topic:?} is not compacted"))
                .with_hint("state is published on topics that keep the newest record of each key")),
        }
    }

    /// The record that says how something is now, to be put into a commit with others.
    ///
    /// # Errors
    /// `Invalid` if it cannot be written as JSON.
    pub fn record(&self, key: &str, state: &impl Serialize) -> Result<(TopicPartition, Record)> {
        let value = serde_json::to_vec(state).map_err(|e| {
            Error::invalid(format!("state of {key:?} cannot be written as JSON")).with_source(e)
        })?;
        Ok(self.place(key, Some(value.into())))
    }

    /// The record that says that something is gone.
    pub fn tombstone(&self, key: &str) -> (TopicPartition, Record) {
        self.place(key, None)
    }

    fn place(&self, key: &str, value: Option<Bytes>) -> (TopicPartition, Record) {
        let partition = partition_of(key.as_bytes(), self.partitions);
        let record = Record {
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value,
            ..Record::default()
        };
        (TopicPartition::new(&self.topic, partition), record)
    }

    /// Says how something is now.
    ///
    /// # Errors
    /// `Invalid`, `Unavailable`.
    pub async fn publish(&self, key: &str, state: &impl Serialize) -> Result<CommitNumber> {
        let (to, record) = self.record(key, state)?;
        self.commit(to, record).await
    }

    /// Says that something is gone.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn retract(&self, key: &str) -> Result<CommitNumber> {
        let (to, record) = self.tombstone(key);
        self.commit(to, record).await
    }

    async fn commit(&self, to: TopicPartition, record: Record) -> Result<CommitNumber> {
        let commit = Commit::new().append(to, [record]);
        Ok(self.log.submit(commit).await?.number)
    }
}
