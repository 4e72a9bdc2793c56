//! Of each key only the newest record: how a query reads a keyed topic up to where it ends. What was superseded is
//! neither decoded nor looked at again, however much of it compaction has left.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::ControlFlow;

use ahash::RandomState;
use bytes::Bytes;
use headwater_flow::Result;
use headwater_log::{Direction, Log, LogBatch, Offset, ReadKey, TopicPartition};

/// Bytes fetched at a time.
const FETCH_BYTES: usize = 8 << 20;

/// The offsets of the newest records, by partition, ascending.
#[derive(Debug, Default)]
pub(super) struct Newest(BTreeMap<u32, Vec<u64>>);

impl Newest {
    /// Looks at the records of a topic before `stops`; with `keys` at those of these keys alone.
    ///
    /// # Errors
    /// `Corrupt` if a batch is damaged.
    pub(super) fn find(
        log: &Log,
        topic: &str,
        stops: &BTreeMap<u32, u64>,
        keys: Option<&HashSet<Bytes>>,
    ) -> Result<Self> {
        let mut found = BTreeMap::new();
        for (partition, stop) in stops {
            let of = TopicPartition::new(topic, *partition);
            found.insert(*partition, newest(log, &of, *stop, keys)?);
        }
        Ok(Self(found))
    }

    /// Those from offset `from` on.
    pub(super) fn after(&self, partition: u32, from: u64) -> &[u64] {
        let all = self.0.get(&partition).map_or(&[][..], Vec::as_slice);
        &all[all.partition_point(|offset| *offset < from)..]
    }
}

/// The newest record of each key, and all that have none; with `keys` the newest record of each of them.
fn newest(
    log: &Log,
    of: &TopicPartition,
    stop: u64,
    keys: Option<&HashSet<Bytes>>,
) -> Result<Vec<u64>> {
    if let Some(keys) = keys
        && log.topic(&of.topic).is_some_and(|t| t.config.key_index)
    {
        return indexed(log, of, stop, keys);
    }
    // Two keys that share 128 bits are less likely than any failure of the machine.
    let seeds = [
        RandomState::with_seeds(1, 2, 3, 4),
        RandomState::with_seeds(5, 6, 7, 8),
    ];
    let mut by_key: HashMap<[u64; 2], u64, RandomState> =
        HashMap::with_hasher(RandomState::with_seeds(9, 10, 11, 12));
    let mut keyless = Vec::new();
    let mut next = log.bounds(of)?.start;
    while next.0 < stop {
        let fetched = log.fetch(of, next, FETCH_BYTES)?;
        for batch in fetched.batches.iter().filter(|b| !b.is_control()) {
            batch.for_each(|record| {
                let offset = record.offset.0;
                match record.key {
                    _ if offset >= stop => {}
                    key if keys.is_some_and(|keys| !key.is_some_and(|k| keys.contains(k))) => {}
                    Some(key) => {
                        by_key.insert([seeds[0].hash_one(key), seeds[1].hash_one(key)], offset);
                    }
                    None => keyless.push(offset),
                }
            })?;
        }
        match fetched.batches.last().map(LogBatch::next_offset) {
            Some(after) => next = Offset(after.0.max(next.0 + 1)),
            None => break,
        }
    }
    let mut offsets = keyless;
    offsets.extend(by_key.into_values());
    offsets.sort_unstable();
    Ok(offsets)
}

/// The newest record of each of `keys` before `stop`, by the index of the partition.
fn indexed(log: &Log, of: &TopicPartition, stop: u64, keys: &HashSet<Bytes>) -> Result<Vec<u64>> {
    let mut offsets = Vec::with_capacity(keys.len());
    for key in keys {
        let backward = ReadKey {
            direction: Direction::Backward,
            ..ReadKey::default()
        };
        log.for_each_of_key(of, key, backward, |found| {
            let offset = found.record.offset.0;
            if offset >= stop {
                return ControlFlow::Continue(());
            }
            offsets.push(offset);
            ControlFlow::Break(())
        })?;
    }
    offsets.sort_unstable();
    Ok(offsets)
}
