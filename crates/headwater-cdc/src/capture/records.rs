//! What is in the topics already.

use std::collections::HashSet;

use bytes::Bytes;
use headwater_log::{
    Cleanup, Direction, Error, ErrorKind, Log, Offset, ReadKey, Result, TopicConfig, TopicPartition,
};

use super::form::Form;
use super::settings::Format;

/// Bytes that are read at a time.
const FETCH_BYTES: usize = 4 << 20;
/// What is in the open segment is not compacted yet.
const SEGMENT_BYTES: u64 = 16 << 20;

/// Makes the topic of a table if it is not there. Rows are compacted: the newest of each key is what counts. Events are not.
///
/// # Errors
/// `Invalid` if it is there and cannot be read by key.
pub(super) fn ensure_topic(log: &Log, topic: &str, format: &Format) -> Result<()> {
    if let Some(known) = log.topic(topic) {
        if known.config.key_index && known.config.partitions == 1 {
            return Ok(());
        }
        let text =
            format!("topic '{topic}' is there already, and not as the topic of a captured table");
        return Err(Error::new(ErrorKind::Invalid, text)
            .with_hint("delete it, or give the table another topic"));
    }
    let config = TopicConfig {
        key_index: true,
        cleanup: Cleanup {
            compact: *format == Format::Rows,
            ..Cleanup::default()
        },
        segment_bytes: SEGMENT_BYTES,
        ..TopicConfig::default()
    };
    match log.create_topic(topic, config) {
        Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
        made => made,
    }
}

/// Makes a topic of what is told beside tables if it is not there: all of it is kept.
///
/// # Errors
/// `Invalid` if it is there with more than one partition.
pub(super) fn ensure_beside(log: &Log, topic: &str) -> Result<()> {
    match log.topic(topic) {
        Some(known) if known.config.partitions == 1 => Ok(()),
        Some(_) => {
            let text = format!("topic '{topic}' is there already, with several partitions");
            Err(Error::new(ErrorKind::Invalid, text).with_hint("choose another topic for it"))
        }
        None => match log.create_topic(topic, TopicConfig::default()) {
            Err(e) if e.kind() == ErrorKind::Conflict => Ok(()),
            made => made,
        },
    }
}

/// The newest durable value of a key.
///
/// # Errors
/// `Corrupt`.
pub(super) fn newest(log: &Log, of: &TopicPartition, key: &[u8]) -> Result<Option<Bytes>> {
    let read = ReadKey {
        direction: Direction::Backward,
        limit: 1,
        ..ReadKey::default()
    };
    let found = log.read_key(of, key, read)?;
    Ok(found
        .into_iter()
        .next()
        .and_then(|found| found.record.value))
}

/// The keys that have a row, as they stand in records, of those that have a record at `from` or later.
///
/// # Errors
/// `Corrupt`.
pub(super) fn live_keys(
    log: &Log,
    of: &TopicPartition,
    form: &Form,
    from: Offset,
) -> Result<HashSet<Bytes>> {
    let mut live = HashSet::new();
    let mut next = log.bounds(of)?.start.max(from);
    loop {
        let fetched = log.fetch(of, next, FETCH_BYTES)?;
        let Some(last) = fetched.batches.last() else {
            return Ok(live);
        };
        let after = last.next_offset();
        for batch in &fetched.batches {
            batch.for_each(|record| {
                let Some(key) = record.key else {
                    return;
                };
                match form.row_of(record.value) {
                    Some(_) => drop(live.insert(Bytes::copy_from_slice(key))),
                    None => drop(live.remove(key)),
                }
            })?;
        }
        next = Offset(after.0.max(next.0 + 1));
    }
}
