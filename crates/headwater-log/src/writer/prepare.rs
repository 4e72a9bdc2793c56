//! What can be done for a commit before it is its turn, on the caller's thread: names are resolved, records are
//! encoded, compressed and checksummed, and it is decided which batches are large enough to go straight to their
//! segment.

use std::sync::Arc;

use smallvec::smallvec;

use super::packing::Packing;
use super::request::{Prepared, PreparedAppend, PreparedBatch, PreparedCondition};
use crate::batch::{Codec, LogBatch, encoded_len};
use crate::clock::Timestamp;
use crate::commit::{Append, Commit, Condition};
use crate::error::{Error, ErrorKind, Result};
use crate::keyed::no_key_index;
use crate::keyindex::{Term, Terms};
use crate::options::Options;
use crate::partition::Partition;
use crate::shared::Shared;
use crate::topics::Topics;
use crate::wal::frame::frame_bytes;
use crate::wal::payload::{COUNTS_BYTES, ENTRY_BYTES, POSITION_BYTES};

/// Resolves and encodes a commit.
///
/// # Errors
/// `NotFound`, `Invalid`.
pub(crate) fn prepare(
    commit: Commit,
    topics: &Topics,
    now: Timestamp,
    shared: &Shared,
) -> Result<Prepared> {
    let mut prepared = Prepared {
        offsets: Vec::with_capacity(commit.appends.len()),
        ..Prepared::default()
    };
    for append in commit.appends {
        let (topic, partition) = topics.find(&append.to)?;
        let codec = topic.description.config.compression;
        let partition = Arc::clone(partition);
        prepared
            .appends
            .push(prepare_append(append, partition, codec, now, shared)?);
    }
    for condition in commit.conditions {
        prepared
            .conditions
            .push(prepare_condition(condition, topics)?);
    }
    prepared.positions = commit.positions;
    measure(&mut prepared, &shared.options)?;
    Ok(prepared)
}

/// As [`prepare`], for one batch that is encoded already.
///
/// # Errors
/// `NotFound`, `Invalid`, `Corrupt`.
pub(crate) fn prepare_batch(
    partition: Arc<Partition>,
    batch: LogBatch,
    options: &Options,
) -> Result<Prepared> {
    let keys = partition.keys();
    let entries = keys.map(|keys| keys.entries_of(&batch)).transpose()?;
    let direct = batch.bytes().len() >= options.direct_bytes;
    let mut prepared = Prepared {
        appends: smallvec![PreparedAppend {
            partition,
            batches: smallvec![PreparedBatch { batch, direct }],
            entries,
        }],
        offsets: Vec::with_capacity(1),
        ..Prepared::default()
    };
    measure(&mut prepared, options)?;
    Ok(prepared)
}

fn prepare_append(
    append: Append,
    partition: Arc<Partition>,
    codec: Codec,
    now: Timestamp,
    shared: &Shared,
) -> Result<PreparedAppend> {
    if append.records.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("append to \"{}\" without records", append.to),
        ));
    }
    let room = encoded_len(&append.records, now);
    let mut packing = Packing::new(&partition, codec, shared, room);
    for record in &append.records {
        packing.push(record, now)?;
    }
    packing.finish(partition)
}

fn prepare_condition(condition: Condition, topics: &Topics) -> Result<PreparedCondition> {
    Ok(match condition {
        Condition::Version { of, key, expected } => PreparedCondition::Version {
            of: with_keys(topics.partition(&of)?)?,
            key: Term::key(&key),
            expected,
        },
        Condition::NoneSince {
            topic,
            query,
            after,
        } => {
            let only = topics.only_partition(&topic)?;
            PreparedCondition::NoneSince {
                of: with_keys(&only)?,
                terms: Terms::of(&query),
                after,
            }
        }
        Condition::Position { owner, expected } => PreparedCondition::Position { owner, expected },
    })
}

fn with_keys(partition: &Arc<Partition>) -> Result<Arc<Partition>> {
    if partition.has_keys() {
        return Ok(Arc::clone(partition));
    }
    Err(no_key_index(&partition.name.topic))
}

/// Works out what the commit takes; if that is too much for the write-ahead log, all of it goes to the segments.
///
/// # Errors
/// `Invalid` if it is too much for the write-ahead log even so.
pub(crate) fn measure(prepared: &mut Prepared, options: &Options) -> Result<()> {
    let most = options.inline_bytes_max();
    prepared.wal_bytes = wal_bytes(prepared);
    if prepared.wal_bytes > most {
        let batches = prepared.appends.iter_mut().flat_map(|a| &mut a.batches);
        batches.for_each(|batch| batch.direct = true);
        prepared.wal_bytes = wal_bytes(prepared);
    }
    if prepared.wal_bytes > most {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!(
                "commit needs {} bytes of the write-ahead log, more than the {most} that one may have",
                prepared.wal_bytes
            ),
        ));
    }
    let batches = prepared.appends.iter().flat_map(|a| &a.batches);
    prepared.direct_bytes = batches
        .filter(|b| b.direct)
        .map(|b| b.batch.bytes().len())
        .sum();
    Ok(())
}

fn wal_bytes(prepared: &Prepared) -> usize {
    let batch = |b: &PreparedBatch| ENTRY_BYTES + if b.direct { 0 } else { b.batch.bytes().len() };
    let batches = prepared.appends.iter().flat_map(|a| &a.batches).map(batch);
    let position = |(owner, value): &(String, Option<bytes::Bytes>)| {
        POSITION_BYTES + owner.len() + value.as_ref().map_or(0, |v| v.len())
    };
    let positions = prepared.positions.iter().map(position);
    frame_bytes(COUNTS_BYTES + batches.sum::<usize>() + positions.sum::<usize>())
}
