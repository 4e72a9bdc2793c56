//! Where snapshots live: deltas of state as records of an internal topic, and a manifest that names the live ones.
//!
//! A snapshot writes only the pages that changed since the one before, then one commit makes its manifest the current
//! one: whole or absent, like every commit. When the deltas outweigh the full snapshot that they are laid over, the
//! next snapshot is a full one, and what was before it is trimmed away.

use bytes::Bytes;
use headwater_log::{Commit, Log, LogBatch, Offset, Record, TopicPartition};

use super::journal::{NewPartition, create_internal, decode, encode};
use crate::connector::Seal;
use crate::error::{Error, ErrorKind, Result};
use crate::time::TrackerState;

/// Bytes of one record, and of one commit.
const RECORD_BYTES: usize = 4 << 20;
/// Bytes fetched at a time while restoring.
const FETCH_BYTES: usize = 8 << 20;
/// Deltas that are always tolerated: bytes and number.
const DELTA_BYTES_MIN: u64 = 16 << 20;
const DELTAS_MAX: usize = 64;
/// They take no more than one in so many bytes of the log's limit.
const DELTA_SHARE: u64 = 64;

/// What a snapshot is of, and where its pages lie.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Manifest {
    /// The epoch whose state it is.
    pub(super) epoch: u64,
    /// Digest of the plan that the state belongs to.
    pub(super) digest: String,
    /// The shards that the state is cut into.
    pub(super) shards: usize,
    /// For each input its partitions and where they are read to.
    pub(super) partitions: Vec<Vec<PartitionMark>>,
    /// For each input its watermarks.
    pub(super) trackers: Vec<TrackerState>,
    /// Whether the pipeline was stopped cleanly after this epoch.
    pub(super) clean: bool,
    /// Offset of the journal's first record after this epoch.
    pub(super) journal: u64,
    /// The full snapshot and the deltas to lay over it, in order.
    pub(super) deltas: Vec<Delta>,
}

/// Where a partition is read to.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct PartitionMark {
    /// Its name.
    pub(super) name: String,
    /// The first offset that the pipeline was to read.
    pub(super) start: u64,
    /// The next offset.
    pub(super) next: u64,
    /// What tells whether the records before that are still those that were read.
    pub(super) seal: Option<Seal>,
}

impl From<&NewPartition> for PartitionMark {
    fn from(new: &NewPartition) -> Self {
        Self {
            name: new.name.clone(),
            start: new.start,
            next: new.start,
            seal: None,
        }
    }
}

/// Encoded state: `records` records from `offset` on hold its bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Delta {
    offset: u64,
    records: u64,
    bytes: u64,
}

/// The topic that the snapshots of a pipeline are in.
pub(super) fn state_topic(pipeline: &str) -> String {
    format!("__state.{pipeline}")
}

/// Owner of the position that names the current snapshot of a pipeline.
pub(super) fn snapshot_owner(pipeline: &str) -> String {
    format!("pipeline/{pipeline}/snapshot")
}

/// The snapshots of one pipeline.
#[derive(Debug)]
pub(super) struct Store {
    log: Log,
    at: TopicPartition,
    owner: String,
    current: Option<Manifest>,
}

impl Store {
    /// The snapshots of `pipeline`.
    ///
    /// # Errors
    /// `Corrupt` if there is a manifest that cannot be read; those of the log.
    pub(super) fn open(log: &Log, pipeline: &str) -> Result<Self> {
        let topic = state_topic(pipeline);
        create_internal(log, &topic)?;
        let mut store = Self {
            log: log.clone(),
            at: TopicPartition::new(topic, 0),
            owner: snapshot_owner(pipeline),
            current: None,
        };
        if let Some(position) = store.log.position(&store.owner) {
            let offset: u64 = decode(&position, "snapshot position")?;
            let manifest: Manifest = decode(&store.read(offset)?, "snapshot manifest")?;
            store.current = Some(manifest);
        }
        Ok(store)
    }

    /// The newest snapshot.
    pub(super) fn current(&self) -> Option<&Manifest> {
        self.current.as_ref()
    }

    /// Whether the next snapshot should be a full one.
    pub(super) fn wants_full(&self) -> bool {
        let Some((full, deltas)) = self.current.as_ref().and_then(|m| m.deltas.split_first())
        else {
            return true;
        };
        let bytes: u64 = deltas.iter().map(|d| d.bytes).sum();
        let share = self.log.disk_bytes_max().map(|max| max / DELTA_SHARE);
        let tolerated = share.unwrap_or(u64::MAX).min(DELTA_BYTES_MIN);
        deltas.len() >= DELTAS_MAX || bytes > full.bytes + tolerated
    }

    /// The encoded state of the newest snapshot: to be laid over each other in this order.
    ///
    /// # Errors
    /// `Corrupt` if a part is missing.
    pub(super) fn deltas(&self) -> impl Iterator<Item = Result<Vec<u8>>> + '_ {
        self.current
            .iter()
            .flat_map(|m| &m.deltas)
            .map(|delta| self.read_delta(delta))
    }

    fn read_delta(&self, delta: &Delta) -> Result<Vec<u8>> {
        let mut bytes = Vec::with_capacity(delta.bytes as usize);
        let (mut next, end) = (delta.offset, delta.offset + delta.records);
        while next < end {
            let fetched = self.log.fetch(&self.at, Offset(next), FETCH_BYTES)?;
            let before = next;
            for entry in fetched.batches.iter().flat_map(LogBatch::records) {
                let (at, record) = entry?;
                if at.0 == next && next < end {
                    bytes.extend_from_slice(&record.value.unwrap_or_default());
                    next += 1;
                }
            }
            if next == before {
                return Err(missing(next));
            }
        }
        Ok(bytes)
    }

    /// Writes a snapshot: `state` is what changed since the one before, or all of it if `full`.
    ///
    /// # Errors
    /// Those of the log; the snapshot before stays the current one.
    pub(super) fn write(
        &mut self,
        mut manifest: Manifest,
        full: bool,
        state: Vec<u8>,
    ) -> Result<()> {
        manifest.deltas = match (full, &self.current) {
            (false, Some(current)) => current.deltas.clone(),
            _ => Vec::new(),
        };
        let first = self.log.bounds(&self.at)?.end;
        manifest.deltas.push(self.append(state)?);
        self.publish(manifest, Commit::new())?;
        if full {
            self.log.trim(&self.at, first)?;
        }
        Ok(())
    }

    /// Writes the snapshot of a pipeline that takes the place of this one; it becomes the current one with the rest of `with`,
    /// or not at all.
    ///
    /// # Errors
    /// Those of the log; the snapshot before stays the current one.
    pub(super) fn replace(
        &mut self,
        mut manifest: Manifest,
        state: Vec<u8>,
        with: Commit,
    ) -> Result<()> {
        let first = self.log.bounds(&self.at)?.end;
        manifest.deltas = vec![self.append(state)?];
        self.publish(manifest, with)?;
        self.log.trim(&self.at, first)?;
        Ok(())
    }

    /// Writes encoded state, which is of use when a manifest names it.
    fn append(&self, state: Vec<u8>) -> Result<Delta> {
        let first = self.log.bounds(&self.at)?.end;
        let state = Bytes::from(state);
        let mut written = 0;
        for start in (0..state.len()).step_by(RECORD_BYTES) {
            let value = state.slice(start..state.len().min(start + RECORD_BYTES));
            let record = Record {
                value: Some(value),
                ..Record::default()
            };
            self.log
                .commit(Commit::new().append(self.at.clone(), [record]))?;
            written += 1;
        }
        Ok(Delta {
            offset: first.0,
            records: written,
            bytes: state.len() as u64,
        })
    }

    /// Makes `manifest` the current one, in one commit with the rest of `with`.
    fn publish(&mut self, manifest: Manifest, with: Commit) -> Result<()> {
        let offset = self.log.bounds(&self.at)?.end;
        let record = Record {
            key: Some(Bytes::from_static(b"manifest")),
            value: Some(encode(&manifest)),
            ..Record::default()
        };
        let mut commit = Commit::new().append(self.at.clone(), [record]);
        commit.appends.extend(with.appends);
        commit.conditions.extend(with.conditions);
        commit.positions.extend(with.positions);
        let commit = commit.position(self.owner.clone(), encode(&offset.0));
        let receipt = self.log.commit(commit)?;
        if receipt.offsets.first() != Some(&offset) {
            return Err(Error::new(
                ErrorKind::Bug,
                "another writer wrote into a pipeline's snapshots",
            ));
        }
        self.current = Some(manifest);
        Ok(())
    }

    fn read(&self, offset: u64) -> Result<Bytes> {
        let fetched = self.log.fetch(&self.at, Offset(offset), 1)?;
        for entry in fetched.batches.iter().flat_map(|b| b.records()) {
            let (at, record) = entry?;
            if at.0 == offset {
                return Ok(record.value.unwrap_or_default());
            }
        }
        Err(missing(offset))
    }
}

fn missing(offset: u64) -> Error {
    Error::new(
        ErrorKind::Corrupt,
        format!("snapshot record at offset {offset} is missing"),
    )
    .with_hint("the data directory was damaged or edited; `headwater log verify` finds where")
}
