//! The log as its users see it. (In memory only until the writer lands.)

use std::collections::BTreeMap;
use std::path::Path;
use std::pin::Pin as StdPin;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;

use crate::batch::LogBatch;
use crate::clock::{Clock, Timestamp};
use crate::commit::{Commit, Condition, Receipt};
use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::record::{CommitNumber, Offset, TopicPartition};
use crate::topic::{Bounds, TopicConfig, TopicDescription, check_name};

/// What a fetch found.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// The batches, in order; the first may begin before the offset that was asked for.
    pub batches: Vec<LogBatch>,
    /// For each batch the commit that it came with.
    pub commits: Vec<CommitNumber>,
    /// The first offset of the partition.
    pub start: Offset,
    /// The durable end of the partition.
    pub end: Offset,
}

/// Something that keeps retention, compaction and trim from going past an offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// Who will read again.
    pub owner: String,
    /// From which partition.
    pub of: TopicPartition,
    /// From where.
    pub offset: Offset,
}

/// Figures of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Commits since it was opened.
    pub commits: u64,
    /// Syncs that made commits durable.
    pub groups: u64,
    /// Bytes written to the write-ahead log.
    pub wal_bytes: u64,
    /// Checkpoints since it was opened.
    pub checkpoints: u64,
}

/// A commit on its way to the disk. Dropping it does not take the commit back.
#[derive(Debug)]
pub struct Pending(Option<Result<Receipt>>);

impl Pending {
    /// Waits until the commit is durable.
    ///
    /// # Errors
    /// `Conflict` if a condition did not hold; `Invalid`, `NotFound`, `Unavailable`, `Closed`.
    pub fn wait(mut self) -> Result<Receipt> {
        self.0.take().expect("waited for once")
    }
}

impl Future for Pending {
    type Output = Result<Receipt>;

    fn poll(mut self: StdPin<&mut Self>, _: &mut Context<'_>) -> Poll<Self::Output> {
        Poll::Ready(self.0.take().expect("a future is not polled after its end"))
    }
}

/// Called after each publish.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

#[derive(Default)]
struct Partition {
    start: u64,
    end: u64,
    batches: Vec<(LogBatch, CommitNumber)>,
}

struct Topic {
    description: TopicDescription,
    partitions: Vec<Partition>,
}

#[derive(Default)]
struct State {
    topics: BTreeMap<String, Topic>,
    positions: BTreeMap<String, Bytes>,
    pins: BTreeMap<(String, TopicPartition), Offset>,
    last: u64,
    next_topic: u64,
    wakers: Vec<Waker>,
}

struct Shared {
    state: Mutex<State>,
    published: Condvar,
    clock: Arc<dyn Clock>,
}

/// A durable log. Cheap to clone; all clones are the same log.
#[derive(Clone)]
pub struct Log(Arc<Shared>);

impl std::fmt::Debug for Log {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Log").finish_non_exhaustive()
    }
}

fn no_topic(name: &str) -> Error {
    Error::new(
        ErrorKind::NotFound,
        format!("topic {name:?} does not exist"),
    )
}

impl State {
    fn partition(&mut self, tp: &TopicPartition) -> Result<&mut Partition> {
        self.topics
            .get_mut(&tp.topic)
            .ok_or_else(|| no_topic(&tp.topic))?
            .partitions
            .get_mut(tp.partition as usize)
            .ok_or_else(|| {
                Error::new(
                    ErrorKind::NotFound,
                    format!("partition \"{tp}\" does not exist"),
                )
            })
    }

    fn commit(&mut self, commit: Commit, now: Timestamp) -> Result<Receipt> {
        for condition in &commit.conditions {
            match condition {
                Condition::Position { owner, expected } => {
                    if self.positions.get(owner) != expected.as_ref() {
                        return Err(Error::new(
                            ErrorKind::Conflict,
                            format!("position of {owner:?} is not the expected one"),
                        ));
                    }
                }
                _ => return Err(Error::new(ErrorKind::Unsupported, "key index")),
            }
        }
        for append in &commit.appends {
            self.partition(&append.to)?;
        }
        let number = CommitNumber(self.last + 1);
        let mut offsets = Vec::new();
        for append in &commit.appends {
            let codec = self.topics[&append.to.topic].description.config.compression;
            let partition = self.partition(&append.to)?;
            let batch = LogBatch::build(Offset(partition.end), &append.records, codec, now)?;
            offsets.push(Offset(partition.end));
            partition.end += append.records.len() as u64;
            partition.batches.push((batch, number));
        }
        for (owner, value) in commit.positions {
            match value {
                Some(value) => self.positions.insert(owner, value),
                None => self.positions.remove(&owner),
            };
        }
        self.last += 1;
        Ok(Receipt { number, offsets })
    }
}

impl Log {
    /// A log in memory.
    pub fn memory(clock: Arc<dyn Clock>) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::default(),
            published: Condvar::new(),
            clock,
        }))
    }

    /// Opens the log in a directory, or makes one there.
    ///
    /// # Errors
    /// `Unavailable` if another process has it open, `Corrupt`.
    pub fn open_dir(_: &Path, clock: Arc<dyn Clock>, _: Options) -> Result<Self> {
        Ok(Self::memory(clock))
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes a topic.
    ///
    /// # Errors
    /// `Conflict` if there is one of that name, `Invalid`.
    pub fn create_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        check_name(name)?;
        config.check()?;
        let mut state = self.state();
        if state.topics.contains_key(name) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("topic {name:?} exists already"),
            ));
        }
        state.next_topic += 1;
        state.last += 1;
        let partitions = (0..config.partitions)
            .map(|_| Partition::default())
            .collect();
        let description = TopicDescription {
            name: name.into(),
            id: state.next_topic,
            config,
        };
        state.topics.insert(
            name.into(),
            Topic {
                description,
                partitions,
            },
        );
        Ok(())
    }

    /// Deletes a topic with its records.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn delete_topic(&self, name: &str) -> Result<()> {
        let mut state = self.state();
        state.topics.remove(name).ok_or_else(|| no_topic(name))?;
        state.last += 1;
        Ok(())
    }

    /// Changes how a topic is kept; partitions can only be added.
    ///
    /// # Errors
    /// `NotFound`, `Invalid`.
    pub fn alter_topic(&self, name: &str, config: TopicConfig) -> Result<()> {
        config.check()?;
        let mut state = self.state();
        let topic = state.topics.get_mut(name).ok_or_else(|| no_topic(name))?;
        while topic.partitions.len() < config.partitions as usize {
            topic.partitions.push(Partition::default());
        }
        topic.description.config = config;
        state.last += 1;
        Ok(())
    }

    /// What is known of a topic.
    pub fn topic(&self, name: &str) -> Option<TopicDescription> {
        self.state().topics.get(name).map(|t| t.description.clone())
    }

    /// All topics, by name.
    pub fn topics(&self) -> Vec<TopicDescription> {
        self.state()
            .topics
            .values()
            .map(|t| t.description.clone())
            .collect()
    }

    /// Commits, and waits until it is durable.
    ///
    /// # Errors
    /// As [`Pending::wait`].
    pub fn commit(&self, commit: Commit) -> Result<Receipt> {
        self.submit(commit).wait()
    }

    /// Puts a commit on its way; commits become durable in the order of submission.
    pub fn submit(&self, commit: Commit) -> Pending {
        let result = self.state().commit(commit, self.0.clock.now());
        self.0.published.notify_all();
        let wakers = self.state().wakers.clone();
        wakers.iter().for_each(|wake| wake());
        Pending(Some(result))
    }

    /// The batches from `offset`, about `max_bytes` of them and at least one if there is one.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is outside the partition, `Corrupt`.
    pub fn fetch(&self, of: &TopicPartition, offset: Offset, max_bytes: usize) -> Result<Fetched> {
        let mut state = self.state();
        let partition = state.partition(of)?;
        if offset.0 < partition.start || offset.0 > partition.end {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("offset {} is outside \"{of}\"", offset.0),
            ));
        }
        let mut fetched = Fetched {
            batches: Vec::new(),
            commits: Vec::new(),
            start: Offset(partition.start),
            end: Offset(partition.end),
        };
        let mut bytes = 0;
        for (batch, number) in &partition.batches {
            if batch.last_offset() < offset {
                continue;
            }
            bytes += batch.bytes().len();
            if bytes > max_bytes && !fetched.batches.is_empty() {
                break;
            }
            fetched.batches.push(batch.clone());
            fetched.commits.push(*number);
        }
        Ok(fetched)
    }

    /// Where a partition begins and ends.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn bounds(&self, of: &TopicPartition) -> Result<Bounds> {
        let mut state = self.state();
        let partition = state.partition(of)?;
        Ok(Bounds {
            start: Offset(partition.start),
            end: Offset(partition.end),
        })
    }

    /// The first offset whose record is not older than `time`; the end if there is none.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`.
    pub fn offset_at(&self, of: &TopicPartition, time: Timestamp) -> Result<Offset> {
        let mut state = self.state();
        let partition = state.partition(of)?;
        for (batch, _) in &partition.batches {
            for record in batch.records() {
                let (offset, record) = record?;
                if record.timestamp >= Some(time) {
                    return Ok(offset);
                }
            }
        }
        Ok(Offset(partition.end))
    }

    /// The newest commit that is durable.
    pub fn last_commit(&self) -> CommitNumber {
        CommitNumber(self.state().last)
    }

    /// Waits until there is a commit after `after`, or the time is over; gives the newest.
    pub fn wait_for_commit(&self, after: CommitNumber, timeout: Duration) -> CommitNumber {
        let (state, _) = self
            .0
            .published
            .wait_timeout_while(self.state(), timeout, |s| s.last <= after.0)
            .unwrap_or_else(PoisonError::into_inner);
        CommitNumber(state.last)
    }

    /// Calls `waker` after every publish, on the writer's thread: it must be quick and must not block. It is
    /// called as long as the [`Subscription`] lives.
    #[must_use]
    pub fn subscribe(&self, waker: Waker) -> Subscription {
        self.state().wakers.push(Arc::clone(&waker));
        Subscription {
            log: self.clone(),
            waker,
        }
    }

    /// The position of an owner.
    pub fn position(&self, owner: &str) -> Option<Bytes> {
        self.state().positions.get(owner).cloned()
    }

    /// All positions, by owner.
    pub fn positions(&self) -> Vec<(String, Bytes)> {
        self.state()
            .positions
            .iter()
            .map(|(k, v)| (k.clone(), v.clone()))
            .collect()
    }

    /// Keeps the records of a partition from `offset` on; moves the owner's pin if it has one there.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is outside the partition.
    pub fn pin(&self, owner: &str, of: &TopicPartition, offset: Offset) -> Result<()> {
        let mut state = self.state();
        state.partition(of)?;
        state.pins.insert((owner.into(), of.clone()), offset);
        Ok(())
    }

    /// Drops all pins of an owner.
    ///
    /// # Errors
    /// `Closed`, `Unavailable`.
    pub fn unpin(&self, owner: &str) -> Result<()> {
        self.state().pins.retain(|(o, _), _| o != owner);
        Ok(())
    }

    /// All pins.
    pub fn pins(&self) -> Vec<Pin> {
        let state = self.state();
        let pin = |((owner, of), offset): (&(String, TopicPartition), &Offset)| Pin {
            owner: owner.clone(),
            of: of.clone(),
            offset: *offset,
        };
        state.pins.iter().map(pin).collect()
    }

    /// Gives up the records before `before`, but none that are pinned; gives the new start.
    ///
    /// # Errors
    /// `NotFound`, `Invalid` if the offset is beyond the end.
    pub fn trim(&self, of: &TopicPartition, before: Offset) -> Result<Offset> {
        let mut state = self.state();
        let lowest = state
            .pins
            .iter()
            .filter(|((_, tp), _)| tp == of)
            .map(|(_, o)| o.0)
            .min();
        let partition = state.partition(of)?;
        if before.0 > partition.end {
            return Err(Error::new(
                ErrorKind::Invalid,
                format!("offset {} is beyond the end of \"{of}\"", before.0),
            ));
        }
        let start = before
            .0
            .min(lowest.unwrap_or(u64::MAX))
            .max(partition.start);
        partition.start = start;
        partition
            .batches
            .retain(|(b, _)| b.last_offset().0 >= start);
        Ok(Offset(start))
    }

    /// Syncs the segments and frees the write-ahead log before them.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Closed`.
    pub fn checkpoint(&self) -> Result<()> {
        Ok(())
    }

    /// Figures since it was opened.
    pub fn stats(&self) -> Stats {
        Stats::default()
    }

    /// Writes a checkpoint and closes the log; every clone then gets `Closed`.
    ///
    /// # Errors
    /// `Closed` if it was poisoned.
    pub fn close(&self) -> Result<()> {
        Ok(())
    }
}

/// Keeps a waker called; see [`Log::subscribe`].
pub struct Subscription {
    log: Log,
    waker: Waker,
}

impl std::fmt::Debug for Subscription {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Subscription").finish_non_exhaustive()
    }
}

impl Drop for Subscription {
    fn drop(&mut self) {
        self.log
            .state()
            .wakers
            .retain(|w| !Arc::ptr_eq(w, &self.waker));
    }
}
