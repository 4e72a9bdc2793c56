//! Keys that wait: an event that nothing could be made of is kept in `<table>$errors`, and so are those of the same key that
//! come after it, since they must not overtake it. All others go on. A tombstone for the key in that topic releases it.

use std::collections::HashSet;

use bytes::Bytes;
use headwater_log::{Header, Log, Offset, Record, Result, Timestamp, TopicConfig, TopicPartition};

use super::field::Row;

/// Bytes that are read at a time.
const FETCH_BYTES: usize = 4 << 20;

/// The keys that wait.
#[derive(Debug)]
pub(super) struct Parked {
    /// Where their events are.
    pub(super) topic: TopicPartition,
    keys: HashSet<Bytes>,
    /// The topic was read up to here.
    next: Offset,
}

impl Parked {
    /// What the topic says.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn load(log: &Log, topic: &str) -> Result<Self> {
        let mut parked = Self {
            topic: TopicPartition::new(topic, 0),
            keys: HashSet::new(),
            next: Offset(0),
        };
        parked.refresh(log)?;
        Ok(parked)
    }

    /// Takes note of what the topic has got since: keys that were released.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(super) fn refresh(&mut self, log: &Log) -> Result<()> {
        if log.topic(&self.topic.topic).is_none() {
            return Ok(());
        }
        let bounds = log.bounds(&self.topic)?;
        self.next = self.next.max(bounds.start);
        while self.next < bounds.end {
            let fetched = log.fetch(&self.topic, self.next, FETCH_BYTES)?;
            let Some(last) = fetched.batches.last() else {
                break;
            };
            let after = last.next_offset();
            for batch in &fetched.batches {
                batch.for_each(|record| match (record.key, record.value) {
                    (Some(key), Some(_)) => drop(self.keys.insert(Bytes::copy_from_slice(key))),
                    (Some(key), None) => drop(self.keys.remove(key)),
                    (None, _) => {}
                })?;
            }
            self.next = Offset(after.0.max(self.next.0 + 1));
        }
        Ok(())
    }

    /// Whether the events of a key wait.
    pub(super) fn has(&self, key: &Bytes) -> bool {
        self.keys.contains(key)
    }

    /// How many keys wait.
    pub(super) fn keys(&self) -> usize {
        self.keys.len()
    }

    /// The record of a row that is kept, whose key waits from now on.
    pub(super) fn keep(
        &mut self,
        log: &Log,
        row: &Row,
        key: Option<Bytes>,
        why: &str,
        time: Option<Timestamp>,
    ) -> Result<Record> {
        if log.topic(&self.topic.topic).is_none() {
            log.create_topic(&self.topic.topic, TopicConfig::default())?;
        }
        self.keys.extend(key.clone());
        Ok(Record {
            key,
            value: Some(row.to_json()),
            headers: vec![Header {
                key: "headwater.reason".to_owned(),
                value: Some(Bytes::copy_from_slice(why.as_bytes())),
            }],
            timestamp: time,
        })
    }
}
