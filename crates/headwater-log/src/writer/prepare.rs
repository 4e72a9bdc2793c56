//! What can be done for a commit before it is its turn, on the caller's thread: names are resolved, records are
//! encoded, compressed and checksummed, and it is decided which batches are large enough to go straight to their
//! segment.

use std::sync::Arc;

use super::request::{Prepared, PreparedAppend, PreparedBatch, PreparedCondition};
use crate::batch::{BatchBuilder, Codec, LogBatch};
use crate::clock::Timestamp;
use crate::commit::{Append, Commit, Condition};
use crate::error::{Error, ErrorKind, Result};
use crate::keyed::no_key_index;
use crate::keyindex::Terms;
use crate::options::Options;
use crate::partition::Partition;
use crate::record::{Offset, Record};
use crate::topics::Topics;
use crate::wal::frame::frame_bytes;
use crate::wal::payload::{COUNTS_BYTES, ENTRY_BYTES, POSITION_BYTES};

/// About how large the batches of topics with a key index become at most.
const KEYED_BATCH_BYTES: usize = 8 << 10;

/// Resolves and encodes a commit.
///
/// # Errors
/// `NotFound`, `Invalid`.
pub(crate) fn prepare(
    commit: Commit,
    topics: &Topics,
    now: Timestamp,
    options: &Options,
) -> Result<Prepared> {
    let mut prepared = Prepared::default();
    for append in commit.appends {
        let topic = topics.topic(&append.to.topic)?;
        let codec = topic.description.config.compression;
        let partition = Arc::clone(topics.partition(&append.to)?);
        prepared
            .appends
            .push(prepare_append(append, partition, codec, now, options)?);
    }
    for condition in commit.conditions {
        prepared
            .conditions
            .push(prepare_condition(condition, topics)?);
    }
    prepared.positions = commit.positions;
    measure(&mut prepared, options)?;
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
    let records = if partition.has_keys() {
        let records: Result<Vec<(Offset, Record)>> = batch.records().collect();
        records?.into_iter().map(|(_, record)| record).collect()
    } else {
        Vec::new()
    };
    let direct = batch.bytes().len() >= options.direct_bytes;
    let mut prepared = Prepared {
        appends: vec![PreparedAppend {
            partition,
            batches: vec![PreparedBatch { batch, direct }],
            records,
        }],
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
    options: &Options,
) -> Result<PreparedAppend> {
    if append.records.is_empty() {
        return Err(Error::new(
            ErrorKind::Invalid,
            format!("append to \"{}\" without records", append.to),
        ));
    }
    // Whoever reads by key reads whole batches for single records.
    let batch_bytes = match partition.has_keys() {
        true => options.batch_bytes.min(KEYED_BATCH_BYTES),
        false => options.batch_bytes,
    };
    let batches = encode(&append.records, codec, now, batch_bytes)?
        .into_iter()
        .map(|batch| PreparedBatch {
            direct: batch.bytes().len() >= options.direct_bytes,
            batch,
        })
        .collect();
    let records = if partition.has_keys() {
        append.records
    } else {
        Vec::new()
    };
    Ok(PreparedAppend {
        partition,
        batches,
        records,
    })
}

/// Encodes records into batches of about `batch_bytes`.
fn encode(
    records: &[Record],
    codec: Codec,
    now: Timestamp,
    batch_bytes: usize,
) -> Result<Vec<LogBatch>> {
    let small = |r: &Record| {
        let bytes = |b: &Option<bytes::Bytes>| b.as_ref().map_or(0, |b| b.len());
        bytes(&r.key) + bytes(&r.value)
    };
    if records.iter().map(small).sum::<usize>() <= batch_bytes {
        return Ok(vec![LogBatch::build(Offset(0), records, codec, now)?]);
    }
    let mut batches = Vec::new();
    let mut builder = BatchBuilder::new(Offset(0), codec);
    for (offset, record) in (0..).zip(records) {
        if builder.bytes_len() >= batch_bytes {
            let next = BatchBuilder::new(Offset(offset), codec);
            batches.push(std::mem::replace(&mut builder, next).finish()?);
        }
        builder.push(Offset(offset), record, now)?;
    }
    batches.push(builder.finish()?);
    Ok(batches)
}

fn prepare_condition(condition: Condition, topics: &Topics) -> Result<PreparedCondition> {
    Ok(match condition {
        Condition::Version { of, key, expected } => PreparedCondition::Version {
            of: with_keys(topics.partition(&of)?)?,
            key,
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
fn measure(prepared: &mut Prepared, options: &Options) -> Result<()> {
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
