//! What the tests share.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{
    Clock, Commit, Condition, HeaderBuf, Log, ManualClock, Offset, Options, Receipt, Record,
    Result, Timestamp, TopicPartition,
};
use rand::SeedableRng;
use rand::rngs::StdRng;

pub(crate) fn clock() -> Arc<dyn Clock> {
    Arc::new(ManualClock::new(Timestamp(1_000)))
}

pub(crate) fn record(value: impl Into<Bytes>) -> Record {
    Record {
        value: Some(value.into()),
        ..Record::default()
    }
}

/// A commit of values to partition 0 of a topic.
pub(crate) fn commit<V: Into<Bytes>>(topic: &str, values: impl IntoIterator<Item = V>) -> Commit {
    Commit::new().append(
        TopicPartition::new(topic, 0),
        values.into_iter().map(|v| record(v)),
    )
}

/// Everything that can be read of a partition: offset, commit, value.
pub(crate) fn read_all(log: &Log, of: &TopicPartition) -> Vec<(u64, u64, Bytes)> {
    let bounds = log.bounds(of).unwrap();
    let (mut at, mut all) = (bounds.start, Vec::new());
    while at < bounds.end {
        let fetched = log.fetch(of, at, 10_000).unwrap();
        assert!(
            !fetched.batches.is_empty(),
            "nothing at {at:?} of {bounds:?}"
        );
        for (batch, commit) in fetched.batches.iter().zip(&fetched.commits) {
            for record in batch.records() {
                let (offset, record) = record.unwrap();
                if offset >= at {
                    all.push((offset.0, commit.0, record.value.unwrap_or_default()));
                }
            }
        }
        at = Offset(fetched.batches.last().unwrap().next_offset().0);
    }
    all
}

/// Bounds so small that every mechanism is at work.
pub(crate) fn small() -> Options {
    Options {
        disk_bytes_max: None,
        wal_file_bytes: 32 << 10,
        wal_bytes_max: 256 << 10,
        group_bytes_max: 16 << 10,
        direct_bytes: 2 << 10,
        batch_bytes: 4 << 10,
        flush_bytes: 8 << 10,
        checkpoint_bytes: 64 << 10,
        index_bytes: 64 << 10,
        cleanup_interval: std::time::Duration::from_millis(20),
        read_cache_bytes: 64 << 10,
        compaction_keys_max: 50,
        queue_commits_max: 1000,
        queue_bytes_max: 1 << 20,
        threads: true,
    }
}

/// Names the seed of a test that fails.
pub(crate) struct Seed(pub(crate) u64);

impl Drop for Seed {
    #[expect(clippy::print_stderr, reason = "to repeat a failed test")]
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("seed {}", self.0);
        }
    }
}

/// Runs `test` with many seeds, and says which one failed.
pub(crate) fn for_seeds(default: u64, test: impl Fn(&mut StdRng, u64)) {
    let seeds = std::env::var("HEADWATER_CRASH_SEEDS");
    let seeds = seeds.ok().and_then(|s| s.parse().ok()).unwrap_or(default);
    let only = std::env::var("HEADWATER_CRASH_SEED")
        .ok()
        .and_then(|s| s.parse().ok());
    for seed in only.map_or(0..seeds, |seed: u64| seed..seed + 1) {
        let run = std::panic::AssertUnwindSafe(|| test(&mut StdRng::seed_from_u64(seed), seed));
        let done = std::panic::catch_unwind(run);
        assert!(done.is_ok(), "fails with HEADWATER_CRASH_SEED={seed}");
    }
}

/// Commits records by the short way, which knows neither records without a key or a value nor times of their own: they are given
/// what they lack.
pub(crate) fn commit_keyed(
    log: &Log,
    topic: &str,
    now: Timestamp,
    records: &mut [Record],
    condition: Option<&Condition>,
) -> Result<Receipt> {
    let mut commit = log.keyed_commit(topic, 100)?;
    match condition {
        None => {}
        Some(Condition::Version { key, expected, .. }) => commit.expect(key, *expected),
        Some(Condition::NoneSince { query, after, .. }) => match &query.items[..] {
            [item] if item.types.is_empty() && item.tags.len() == 1 => {
                let (a, b) = item.tags[0].as_bytes().split_at(1);
                match after.0 {
                    0 => commit.none_tagged(&[a, b]),
                    _ => commit.none_tagged_since(&[a, b], *after),
                }
            }
            _ => commit.none_since(query, *after),
        },
        Some(other) => panic!("no such condition is asked for: {other:?}"),
    }
    let mut headers = HeaderBuf::default();
    for record in records {
        record.timestamp = Some(now);
        headers.clear();
        for header in &record.headers {
            headers.put(&header.key, &[header.value.as_deref().unwrap_or_default()]);
        }
        let key = record.key.get_or_insert_with(|| "key0".into());
        commit.push(key, record.value.get_or_insert_default(), &headers)?;
    }
    commit.submit().wait()
}
