//! [`Replica`]: a local copy of what another service publishes.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};

use bytes::Bytes;
use headwater_log::{
    Cleanup, Commit, Condition, ErrorKind, Log, Offset, Record, Timestamp, TopicConfig,
    TopicPartition,
};
use serde::de::DeserializeOwned;

use super::feed::{Change, Feed};
use crate::erasure::Vault;
use crate::error::{Error, Result};

/// Bytes that are read at a time when it is opened.
const FETCH_BYTES: usize = 1 << 20;

/// How far a replica is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReplicaStatus {
    /// How many things it has.
    pub entries: usize,
    /// How many records it had not taken in when it last looked; `None`: it has not looked since it was opened.
    pub behind: Option<u64>,
    /// When the newest change that it has was published.
    pub newest: Option<Timestamp>,
}

/// A local copy of what another service publishes. It is in a compacted topic of the log here, with the place in the feed in the
/// same commits, and in memory to be read. Cheap to clone.
pub struct Replica<T> {
    inner: Arc<Inner>,
    of: PhantomData<fn() -> T>,
}

struct Inner {
    log: Log,
    to: TopicPartition,
    owner: String,
    vault: Option<Vault>,
    feed: Mutex<Option<Box<dyn Feed>>>,
    content: RwLock<Content>,
}

/// What it has. Values are kept as they came: what is sealed in them stays so until they are read.
#[derive(Debug, Default)]
struct Content {
    /// The place in the feed of the newest change.
    place: Option<Bytes>,
    entries: BTreeMap<String, Bytes>,
    behind: Option<u64>,
    newest: Option<Timestamp>,
}

impl<T> Clone for Replica<T> {
    fn clone(&self) -> Self {
        Self {
            inner: Arc::clone(&self.inner),
            of: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Replica<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Replica")
            .field("owner", &self.inner.owner)
            .finish_non_exhaustive()
    }
}

impl Content {
    fn take(&mut self, change: Change) {
        let key = String::from_utf8_lossy(&change.key).into_owned();
        match change.value {
            Some(value) => self.entries.insert(key, value),
            None => self.entries.remove(&key),
        };
        self.newest = self.newest.max(Some(change.at));
    }
}

impl<T: DeserializeOwned> Replica<T> {
    /// Opens the copy of this name in a log, or begins one; what it had is there at once.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub fn open(log: Log, name: &str, feed: impl Feed + 'static) -> Result<Self> {
        Self::begin(log, name, feed, None)
    }

    /// As [`open`](Self::open), with a vault that opens what is personal each time it is read: what is forgotten is redacted
    /// here at once.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with_vault(
        log: Log,
        name: &str,
        feed: impl Feed + 'static,
        vault: Vault,
    ) -> Result<Self> {
        Self::begin(log, name, feed, Some(vault))
    }

    fn begin(
        log: Log,
        name: &str,
        feed: impl Feed + 'static,
        vault: Option<Vault>,
    ) -> Result<Self> {
        let to = TopicPartition::new(format!("replica-{name}"), 0);
        let config = TopicConfig {
            internal: true,
            cleanup: Cleanup {
                compact: true,
                ..Cleanup::default()
            },
            ..TopicConfig::default()
        };
        match log.create_topic(&to.topic, config) {
            Err(error) if error.kind() != ErrorKind::Conflict => return Err(error.into()),
            _ => {}
        }
        let inner = Inner {
            owner: format!("replica/{name}"),
            log,
            to,
            vault,
            feed: Mutex::new(Some(Box::new(feed))),
            content: RwLock::default(),
        };
        inner.set(inner.read_all()?);
        Ok(Self {
            inner: Arc::new(inner),
            of: PhantomData,
        })
    }

    fn content(&self) -> RwLockReadGuard<'_, Content> {
        self.inner
            .content
            .read()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn parse(&self, key: &str, value: &Bytes) -> Result<T> {
        let opened;
        let value = match &self.inner.vault {
            Some(vault) => {
                opened = vault.open(value)?;
                &opened
            }
            None => value,
        };
        serde_json::from_slice(value).map_err(|e| {
            let message = format!("state of {key:?} in \"{}\" cannot be read", self.inner.to);
            Error::new(ErrorKind::Corrupt, message).with_source(e)
        })
    }

    /// The state of something; `None`: there is no such thing.
    ///
    /// # Errors
    /// `Corrupt`, naming the key, if it has another shape.
    pub fn get(&self, key: &str) -> Result<Option<T>> {
        let value = self.content().entries.get(key).cloned();
        value.map(|value| self.parse(key, &value)).transpose()
    }

    /// All that it has for which `wanted` is true, by key.
    ///
    /// # Errors
    /// As [`get`](Self::get).
    pub fn find(&self, wanted: impl Fn(&str, &T) -> bool) -> Result<Vec<(String, T)>> {
        let mut found = Vec::new();
        for (key, value) in &self.content().entries {
            let state = self.parse(key, value)?;
            if wanted(key, &state) {
                found.push((key.clone(), state));
            }
        }
        Ok(found)
    }

    /// How far it is.
    pub fn status(&self) -> ReplicaStatus {
        let content = self.content();
        ReplicaStatus {
            entries: content.entries.len(),
            behind: content.behind,
            newest: content.newest,
        }
    }

    /// Takes in what is new; gives how far behind it is then.
    ///
    /// # Errors
    /// `Unavailable`: try again; `Conflict` if another turn, of this process or of another, was faster: what it took in is
    /// here now.
    pub async fn turn(&self) -> Result<u64> {
        let inner = &*self.inner;
        let mut feed = Borrowed::of(&inner.feed)?;
        let Some(changes) = &mut feed.feed else {
            return Err(Error::new(ErrorKind::Bug, "replica without a feed"));
        };
        let place = self.content().place.clone();
        let page = changes.fetch(place.clone()).await?;
        if place.as_ref() != Some(&page.next) {
            let commit = inner.commit(place, &page.changes, &page.next);
            if let Err(error) = inner.log.submit(commit).await {
                if error.kind() == ErrorKind::Conflict {
                    inner.set(inner.read_all()?);
                }
                return Err(error.into());
            }
        }
        let mut content = inner
            .content
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        page.changes
            .into_iter()
            .for_each(|change| content.take(change));
        content.place = Some(page.next);
        content.behind = Some(page.behind);
        Ok(page.behind)
    }
}

/// The feed, for one turn; it is put back however that ends.
struct Borrowed<'a> {
    home: &'a Mutex<Option<Box<dyn Feed>>>,
    feed: Option<Box<dyn Feed>>,
}

impl<'a> Borrowed<'a> {
    fn of(home: &'a Mutex<Option<Box<dyn Feed>>>) -> Result<Self> {
        match home.lock().unwrap_or_else(PoisonError::into_inner).take() {
            Some(feed) => Ok(Self {
                home,
                feed: Some(feed),
            }),
            None => Err(Error::new(ErrorKind::Conflict, "replica is on its way")),
        }
    }
}

impl Drop for Borrowed<'_> {
    fn drop(&mut self) {
        *self.home.lock().unwrap_or_else(PoisonError::into_inner) = self.feed.take();
    }
}

impl Inner {
    fn set(&self, content: Content) {
        *self.content.write().unwrap_or_else(PoisonError::into_inner) = content;
    }

    fn commit(&self, place: Option<Bytes>, changes: &[Change], next: &Bytes) -> Commit {
        let records = changes.iter().map(|change| Record {
            key: Some(change.key.clone()),
            value: change.value.clone(),
            headers: Vec::new(),
            timestamp: Some(change.at),
        });
        let commit = Commit::new()
            .position(&self.owner, next.clone())
            .when(Condition::Position {
                owner: self.owner.clone(),
                expected: place,
            });
        match changes.is_empty() {
            true => commit,
            false => commit.append(self.to.clone(), records),
        }
    }

    /// What the topic here holds.
    fn read_all(&self) -> Result<Content> {
        // The place first: what comes meanwhile is taken in twice, which changes nothing.
        let mut content = Content {
            place: self.log.position(&self.owner),
            ..Content::default()
        };
        let bounds = self.log.bounds(&self.to)?;
        let mut next = bounds.start;
        while next < bounds.end {
            let fetched = self.log.fetch(&self.to, next, FETCH_BYTES)?;
            for record in fetched.batches.iter().flat_map(|batch| batch.records()) {
                let (_, record) = record?;
                if let Some(key) = record.key {
                    content.take(Change {
                        key,
                        value: record.value,
                        at: record.timestamp.unwrap_or(Timestamp(0)),
                    });
                }
            }
            let read = fetched.batches.last().map(|batch| batch.next_offset());
            next = read.map_or(bounds.end, |read| read.max(Offset(next.0 + 1)));
        }
        Ok(content)
    }
}
