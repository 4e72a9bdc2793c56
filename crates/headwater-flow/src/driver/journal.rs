//! A pipeline's journal: one record an epoch in an internal topic, written in the same commit as the epoch's output.
//! What it holds is all that replay needs: which input was read in which steps, what the clock showed, and who was idle.

use bytes::Bytes;
use headwater_log::{Cleanup, Commit, Condition, Log, Offset, Record, TopicConfig, TopicPartition};

use crate::connector::Range;
use crate::error::{Error, ErrorKind, Result};
use crate::time::TrackerChange;

/// Records fetched at a time while replaying, bytes.
const FETCH_BYTES: usize = 4 << 20;

/// What the commit of an epoch records of it.
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
pub(super) struct EpochRecord {
    /// Its number, from 1.
    pub(super) epoch: u64,
    /// Processing time, microseconds.
    pub(super) processing_time: i64,
    /// For each input the partitions that no epoch before had, in order.
    pub(super) partitions: Vec<Vec<NewPartition>>,
    /// For each step and input the ranges that were read.
    pub(super) steps: Vec<Vec<Vec<Range>>>,
    /// For each input what it changed in the watermarks, and in who is idle.
    pub(super) trackers: Vec<TrackerChange>,
}

/// A partition that an epoch was the first to have.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct NewPartition {
    /// Its name.
    pub(super) name: String,
    /// The first offset that is read of it.
    pub(super) start: u64,
}

/// Where a pipeline's epochs are recorded.
#[derive(Debug, Clone)]
pub(super) struct Journal {
    log: Log,
    at: TopicPartition,
    owner: String,
    digest: String,
    shards: usize,
}

/// The position of a pipeline: its newest epoch, and whose epochs they are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct JournalPosition {
    epoch: u64,
    digest: String,
    shards: usize,
}

fn position(log: &Log, owner: &str) -> Result<Option<JournalPosition>> {
    let stored = log.position(owner);
    stored.map(|bytes| decode(&bytes, "position")).transpose()
}

/// The shards of a pipeline's stored state, which its next run must have too; `None` if there is no epoch yet.
///
/// # Errors
/// `Corrupt` if its position cannot be read.
pub fn stored_shards(log: &Log, pipeline: &str) -> Result<Option<usize>> {
    Ok(position(log, &journal_owner(pipeline))?.map(|p| p.shards))
}

/// The topic that the epochs of a pipeline are recorded in.
pub(super) fn journal_topic(pipeline: &str) -> String {
    format!("__journal.{pipeline}")
}

/// Owner of the position of a pipeline.
pub(super) fn journal_owner(pipeline: &str) -> String {
    format!("pipeline/{pipeline}")
}

impl Journal {
    /// The journal of `pipeline`, whose plan has this digest and whose state has so many shards; its topic is created
    /// if it is not there.
    ///
    /// # Errors
    /// `Conflict` if the epochs there are those of another plan; those of the log.
    pub(super) fn open(log: &Log, pipeline: &str, digest: &str, shards: usize) -> Result<Self> {
        let topic = journal_topic(pipeline);
        create_internal(log, &topic)?;
        let journal = Self {
            log: log.clone(),
            at: TopicPartition::new(topic, 0),
            owner: journal_owner(pipeline),
            digest: digest.to_owned(),
            shards,
        };
        match journal.position()? {
            Some(position) if position.digest != digest => Err(Error::new(
                ErrorKind::Conflict,
                format!("the stored state of '{pipeline}' belongs to another query"),
            )
            .with_hint(
                "run the query that it belongs to, or give this one a state directory of its own",
            )),
            _ => Ok(journal),
        }
    }

    fn position(&self) -> Result<Option<JournalPosition>> {
        position(&self.log, &self.owner)
    }

    /// The newest committed epoch; 0: none.
    ///
    /// # Errors
    /// `Corrupt` if the stored position cannot be read.
    pub(super) fn epoch(&self) -> Result<u64> {
        Ok(self.position()?.map_or(0, |p| p.epoch))
    }

    /// Adds the record of an epoch to its commit, and the condition that no other driver has committed it.
    pub(super) fn record(&self, record: &EpochRecord, commit: Commit) -> Commit {
        let value = encode(record);
        self.advance(record.epoch.checked_sub(1), record.epoch, commit)
            .append(
                self.at.clone(),
                [Record {
                    value: Some(value),
                    ..Record::default()
                }],
            )
    }

    /// Moves the position from an epoch to a later one, on condition that nobody else has; the state of that must be saved with
    /// it unless it is the next one, whose record is.
    pub(super) fn advance(&self, from: Option<u64>, to: u64, commit: Commit) -> Commit {
        let at = |epoch| {
            encode(&JournalPosition {
                epoch,
                digest: self.digest.clone(),
                shards: self.shards,
            })
        };
        let expected = from.filter(|epoch| *epoch > 0).map(at);
        commit
            .when(Condition::Position {
                owner: self.owner.clone(),
                expected,
            })
            .position(self.owner.clone(), at(to))
    }

    /// The records of the epochs after `epoch`, in order.
    ///
    /// # Errors
    /// `Corrupt` if one is missing or cannot be read.
    pub(super) fn since(&self, epoch: u64) -> Result<Vec<EpochRecord>> {
        let bounds = self.log.bounds(&self.at)?;
        let mut next = bounds.start;
        let mut found = Vec::new();
        while next < bounds.end {
            let fetched = self.log.fetch(&self.at, next, FETCH_BYTES)?;
            for batch in &fetched.batches {
                for entry in batch.records() {
                    let (offset, record) = entry?;
                    if offset < next {
                        continue;
                    }
                    next = Offset(offset.0 + 1);
                    let record: EpochRecord = decode(&record.value.unwrap_or_default(), "epoch")?;
                    if record.epoch > epoch {
                        found.push(record);
                    }
                }
            }
            if fetched.batches.is_empty() {
                break;
            }
        }
        let gapless = found
            .iter()
            .zip(epoch + 1..)
            .all(|(record, epoch)| record.epoch == epoch);
        match gapless && epoch + found.len() as u64 == self.epoch()?.max(epoch) {
            true => Ok(found),
            false => Err(Error::new(
                ErrorKind::Corrupt,
                format!(
                    "journal of {} does not hold every epoch after {epoch}",
                    self.owner
                ),
            )),
        }
    }

    /// Forgets the records before `offset`.
    ///
    /// # Errors
    /// Those of the log.
    pub(super) fn trim(&self, offset: Offset) -> Result<()> {
        self.log.trim(&self.at, offset)?;
        Ok(())
    }

    /// The offset of the next record.
    ///
    /// # Errors
    /// Those of the log.
    pub(super) fn end(&self) -> Result<Offset> {
        Ok(self.log.bounds(&self.at)?.end)
    }
}

/// Creates an internal one-partition topic that only its owner trims.
pub(super) fn create_internal(log: &Log, topic: &str) -> Result<()> {
    let config = TopicConfig {
        partitions: 1,
        internal: true,
        cleanup: Cleanup::default(),
        ..TopicConfig::default()
    };
    match log.create_topic(topic, config) {
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
        other => Ok(other.map(drop)?),
    }
}

pub(super) fn encode<T: serde::Serialize>(value: &T) -> Bytes {
    Bytes::from(serde_json::to_vec(value).expect("plain data always serialises"))
}

pub(super) fn decode<T: serde::de::DeserializeOwned>(bytes: &[u8], what: &str) -> Result<T> {
    serde_json::from_slice(bytes).map_err(|e| {
        Error::new(
            ErrorKind::Corrupt,
            format!("stored {what} of a pipeline cannot be read"),
        )
        .with_source(e)
    })
}
