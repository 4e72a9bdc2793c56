//! Where saved states are kept: a cache that can be thrown away at any time.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use headwater_log::{
    Cleanup, Commit, Direction, Log, ReadKey, Record, TopicConfig, TopicPartition, Version,
};

use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::task::Task;

/// States that are kept in memory.
const STATES_MAX: usize = 100_000;

/// A saved state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    /// The schema that it was saved in; looked at before the state is.
    pub schema: u32,
    /// The version of its newest event.
    pub version: Option<Version>,
    /// The place behind its newest event.
    pub next: Position,
    /// The state: JSON.
    pub state: Bytes,
}

/// Where saved states are kept.
pub trait Snapshots: Send + Sync + std::fmt::Debug {
    /// The newest state that was saved under a key.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`; all events are read then.
    fn get<'a>(&'a self, key: &'a str) -> Task<'a, Option<Snapshot>>;

    /// Saves a state, some time or never: nobody waits for it.
    fn put(&self, key: &str, snapshot: Snapshot);
}

/// Keeps nothing.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoSnapshots;

impl Snapshots for NoSnapshots {
    fn get<'a>(&'a self, _: &'a str) -> Task<'a, Option<Snapshot>> {
        Box::pin(async { Ok(None) })
    }

    fn put(&self, _: &str, _: Snapshot) {}
}

/// Keeps states in memory, the newest hundred thousand or so.
#[derive(Debug, Default)]
pub struct MemorySnapshots {
    /// What was put since the older ones were given up, and what was put before.
    generations: Mutex<[HashMap<String, Snapshot>; 2]>,
}

impl Snapshots for MemorySnapshots {
    fn get<'a>(&'a self, key: &'a str) -> Task<'a, Option<Snapshot>> {
        let generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let found = generations.iter().find_map(|g| g.get(key)).cloned();
        Box::pin(async { Ok(found) })
    }

    fn put(&self, key: &str, snapshot: Snapshot) {
        let mut generations = self
            .generations
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if generations[0].len() >= STATES_MAX / 2 {
            generations.swap(0, 1);
            generations[0].clear();
        }
        generations[0].insert(key.to_owned(), snapshot);
    }
}

/// Keeps states in a compacted topic beside the events.
#[derive(Debug)]
pub struct LogSnapshots {
    log: Log,
    of: TopicPartition,
}

impl LogSnapshots {
    /// In a topic of the log, which is made when the first state is saved.
    pub fn new(log: Log, topic: &str) -> Self {
        Self {
            log,
            of: TopicPartition::new(topic, 0),
        }
    }

    fn make_topic(&self) -> headwater_log::Result<()> {
        let config = TopicConfig {
            key_index: true,
            internal: true,
            cleanup: Cleanup {
                compact: true,
                ..Cleanup::default()
            },
            ..TopicConfig::default()
        };
        match self.log.create_topic(&self.of.topic, config) {
            Err(error) if error.kind() == ErrorKind::Conflict => Ok(()),
            made => made,
        }
    }

    fn newest(&self, key: &str) -> Result<Option<Snapshot>> {
        if self.log.topic(&self.of.topic).is_none() {
            return Ok(None);
        }
        let newest = ReadKey {
            direction: Direction::Backward,
            limit: 1,
            ..ReadKey::default()
        };
        let found = self.log.read_key(&self.of, key.as_bytes(), newest)?;
        match found.into_iter().next().and_then(|f| f.record.value) {
            Some(value) => decode(value).map(Some),
            None => Ok(None),
        }
    }
}

impl Snapshots for LogSnapshots {
    fn get<'a>(&'a self, key: &'a str) -> Task<'a, Option<Snapshot>> {
        Box::pin(async move { self.newest(key) })
    }

    fn put(&self, key: &str, snapshot: Snapshot) {
        let missing = self.log.topic(&self.of.topic).is_none();
        if missing && let Err(error) = self.make_topic() {
            tracing::warn!(%error, "no topic for snapshots");
            return;
        }
        let record = Record {
            key: Some(Bytes::copy_from_slice(key.as_bytes())),
            value: Some(encode(&snapshot)),
            ..Record::default()
        };
        // Whether it comes to be is not waited for.
        drop(
            self.log
                .submit(Commit::new().append(self.of.clone(), [record])),
        );
    }
}

/// The schema, whether there is a version, the version, the position, the state.
fn encode(snapshot: &Snapshot) -> Bytes {
    let mut bytes = BytesMut::with_capacity(21 + snapshot.state.len());
    bytes.put_u32_le(snapshot.schema);
    bytes.put_u8(u8::from(snapshot.version.is_some()));
    bytes.put_u64_le(snapshot.version.map_or(0, |v| v.0));
    bytes.put_u64_le(snapshot.next.0);
    bytes.put_slice(&snapshot.state);
    bytes.freeze()
}

fn decode(mut bytes: Bytes) -> Result<Snapshot> {
    if bytes.len() < 21 {
        return Err(Error::new(ErrorKind::Corrupt, "snapshot is too short"));
    }
    let schema = bytes.get_u32_le();
    let has_version = bytes.get_u8() == 1;
    let version = Version(bytes.get_u64_le());
    Ok(Snapshot {
        schema,
        version: has_version.then_some(version),
        next: Position(bytes.get_u64_le()),
        state: bytes,
    })
}
