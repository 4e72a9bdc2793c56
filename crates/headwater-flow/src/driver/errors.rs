//! Records that did not decode: each once in `<table>$errors`, however many pipelines read the table, and as part of
//! the commit of the epoch that read it.
//!
//! Pipelines that need other columns of a table reject other records of it, and read it at their own pace. So what is
//! in the topic is what counts: a record is there already if one of the same place and bytes is. A position per
//! partition says how high the topic's records go, which spares looking, and serves as the condition under which two
//! pipelines do not keep the same record at once.

use std::collections::{BTreeMap, BTreeSet};
use std::hash::{DefaultHasher, Hash, Hasher};

use bytes::Bytes;
use headwater_log::{
    Commit, Condition, ConflictDetail, Error as LogError, Log, LogBatch, Offset, Record,
    TopicPartition,
};

use super::input::Input;
use super::kept::{self, Provenance, errors_topic};
use super::output::ensure_topic;
use crate::connector::Reject;
use crate::error::{Error, ErrorKind, Result};

/// Attempts against other pipelines that keep the same table's records.
const ATTEMPTS_MAX: usize = 64;
/// Bytes fetched at a time to see what is kept.
const FETCH_BYTES: usize = 4 << 20;

/// The rejected records of an epoch.
#[derive(Default)]
pub(super) struct Rejects {
    of_partition: BTreeMap<(usize, u32), PartitionRejects>,
}

/// Those of one partition, by offset.
struct PartitionRejects {
    table: String,
    name: String,
    records: BTreeMap<u64, Record>,
}

/// What is known of the kept records of a partition.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
struct Kept {
    /// How often records were kept: no two states are equal.
    times: u64,
    /// The highest of their offsets.
    highest: u64,
}

impl Rejects {
    pub(super) fn is_empty(&self) -> bool {
        self.of_partition.is_empty()
    }

    pub(super) fn len(&self) -> u64 {
        let all = self.of_partition.values();
        all.map(|p| p.records.len() as u64).sum()
    }

    /// Makes a record of what did not decode, while the chunk that it came from is at hand.
    ///
    /// # Errors
    /// `Invalid` for a table with `'on-error' = 'fail'`.
    pub(super) fn add(&mut self, inputs: &[Input], rejected: &Rejected) -> Result<()> {
        let Rejected {
            input: index,
            partition,
            reject,
        } = rejected;
        let input = &inputs[*index];
        if input.reader.scan.def.options.get("on-error") == Some("fail") {
            return Err(failed(input, rejected));
        }
        let name = &input.partitions[*partition as usize].name;
        let from = Provenance {
            table: input.table().to_owned(),
            partition: name.clone(),
            offset: reject.offset,
        };
        let original = input
            .original(*partition, reject.offset)
            .unwrap_or_default();
        let of = self
            .of_partition
            .entry((*index, *partition))
            .or_insert_with(|| PartitionRejects {
                table: from.table.clone(),
                name: name.clone(),
                records: BTreeMap::new(),
            });
        let record = kept::rejected(original, &from, &reject.reason);
        of.records.insert(reject.offset, record);
        Ok(())
    }

    /// Adds to an epoch's commit the records that nobody has kept yet, if nobody keeps any meanwhile.
    ///
    /// # Errors
    /// Those of the log; `Corrupt` if what is kept cannot be read.
    pub(super) fn keep(&self, log: &Log, commit: &mut Commit) -> Result<()> {
        self.of_partition
            .values()
            .try_for_each(|of| of.keep(log, commit))
    }

    /// Commits `rest` with the records after another pipeline has kept some of theirs: `error` says so, or is what
    /// ends the attempt.
    ///
    /// # Errors
    /// `error`, unless it is that; `Unavailable` after [`ATTEMPTS_MAX`] attempts.
    pub(super) fn commit_again(&self, log: &Log, rest: Commit, mut error: LogError) -> Result<()> {
        for _ in 0..ATTEMPTS_MAX {
            if !self.is_conflict(&error) {
                return Err(error.into());
            }
            let mut commit = rest.clone();
            self.keep(log, &mut commit)?;
            match log.commit(commit) {
                Ok(_) => return Ok(()),
                Err(e) => error = e,
            }
        }
        let text = "records that do not decode cannot be kept: others keep too many of them";
        Err(Error::new(ErrorKind::Unavailable, text).with_source(error))
    }

    /// Whether another pipeline has kept records of one of these partitions.
    fn is_conflict(&self, error: &LogError) -> bool {
        let Some(ConflictDetail::Position { owner, .. }) = error.conflict() else {
            return false;
        };
        self.of_partition.values().any(|of| of.owner() == *owner)
    }
}

impl PartitionRejects {
    fn owner(&self) -> String {
        format!("errors/{}/{}", self.table, self.name)
    }

    fn keep(&self, log: &Log, commit: &mut Commit) -> Result<()> {
        let (Some(first), Some(last)) = (
            self.records.first_key_value(),
            self.records.last_key_value(),
        ) else {
            return Ok(());
        };
        let topic = TopicPartition::new(errors_topic(&self.table), 0);
        ensure_topic(log, &topic.topic)?;
        let position = log.position(&self.owner());
        let kept = position.as_deref().map(decode).transpose()?;
        let there = match kept {
            Some(kept) if kept.highest >= *first.0 => self.kept(log, &topic)?,
            _ => BTreeSet::new(),
        };
        let fresh = self.records.iter();
        let fresh: Vec<Record> = fresh
            .filter(|(offset, record)| !there.contains(&identity(**offset, record)))
            .map(|(_, record)| record.clone())
            .collect();
        if fresh.is_empty() {
            return Ok(());
        }
        let now = Kept {
            times: kept.map_or(0, |k| k.times) + 1,
            highest: kept.map_or(0, |k| k.highest).max(*last.0),
        };
        let next = std::mem::take(commit)
            .when(Condition::Position {
                owner: self.owner(),
                expected: position,
            })
            .append(topic, fresh)
            .position(self.owner(), super::journal::encode(&now));
        *commit = next;
        Ok(())
    }

    /// The identities of the records in the topic that are of this partition and not before its first.
    fn kept(&self, log: &Log, topic: &TopicPartition) -> Result<BTreeSet<u64>> {
        let first = self.records.keys().next().copied().unwrap_or(0);
        let bounds = log.bounds(topic)?;
        let (mut next, mut there) = (bounds.start, BTreeSet::new());
        while next < bounds.end {
            let fetched = log.fetch(topic, next, FETCH_BYTES)?;
            for entry in fetched.batches.iter().flat_map(LogBatch::records) {
                let (_, record) = entry?;
                let at = kept::provenance(&record);
                let at = at.filter(|p| p.table == self.table && p.partition == self.name);
                if let Some(at) = at.filter(|p| p.offset >= first) {
                    there.insert(identity(at.offset, &record));
                }
            }
            match fetched.batches.last() {
                Some(batch) => next = Offset(batch.next_offset().0.max(next.0 + 1)),
                None => break,
            }
        }
        Ok(there)
    }
}

/// Place and bytes of a record of a partition; that two of them share it is less likely than a failure of the machine.
fn identity(offset: u64, record: &Record) -> u64 {
    let mut hasher = DefaultHasher::new();
    (offset, &record.key, &record.value).hash(&mut hasher);
    hasher.finish()
}

fn decode(bytes: &[u8]) -> Result<Kept> {
    super::journal::decode(
        &Bytes::copy_from_slice(bytes),
        "position of rejected records",
    )
}

/// A record that did not decode, and where it was.
pub(super) struct Rejected {
    pub(super) input: usize,
    pub(super) partition: u32,
    pub(super) reject: Reject,
}

fn failed(input: &Input, rejected: &Rejected) -> Error {
    let table = input.table();
    let name = &input.partitions[rejected.partition as usize].name;
    let (offset, reason) = (rejected.reject.offset, &rejected.reject.reason);
    Error::new(
        ErrorKind::Invalid,
        format!("table '{table}': record at offset {offset} of partition '{name}' does not decode: {reason}"),
    )
    .with_hint(format!("without 'on-error' = 'fail' it would be kept in '{table}$errors' and the pipeline would go on"))
}
