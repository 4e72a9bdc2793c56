//! Rates of the key index while it grows: appends with a condition, and loading the ten records of a key, at a
//! million keys and at ten million (`cargo run --release -p headwater-log --example key_index_rate -- 10`).
#![expect(
    clippy::disallowed_methods,
    reason = "an example measures time and makes folders"
)]
#![expect(clippy::print_stdout, reason = "it prints its figures")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater_log::{
    Append, Commit, Condition, ExpectedVersion, Log, ManualClock, Options, Pending, ReadKey,
    Record, Result, Timestamp, TopicConfig, TopicPartition, Version,
};

/// Records of a commit while the topic is filled.
const BATCH: u64 = 100;
/// Records of each key that is loaded.
const EVENTS: u64 = 10;
/// Keys that are loaded.
const STREAMS: u64 = 2_000;

fn main() -> Result<()> {
    let millions = std::env::args()
        .nth(1)
        .and_then(|n| n.parse().ok())
        .unwrap_or(2);
    let dir = std::env::temp_dir().join("headwater-key-index-rate");
    if dir.exists() {
        std::fs::remove_dir_all(&dir).expect("the folder is ours");
    }
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    let log = Log::open_dir(&dir, clock.clone(), Options::default())?;
    let config = TopicConfig {
        key_index: true,
        ..TopicConfig::default()
    };
    log.create_topic("events", config)?;
    let of = TopicPartition::new("events", 0);
    println!(
        "| keys | µs/append | µs/conditional append of a new key | µs/version | µs/load of {EVENTS} | index MiB |"
    );
    println!("|---:|---:|---:|---:|---:|---:|");
    for million in 0..millions {
        let filled = fill(&log, &of, million)?;
        log.checkpoint()?;
        let fresh = conditional(&log, &of, million)?;
        let version = timed(STREAMS, |i| {
            let version = log.key_version(&of, key(i, million).as_bytes())?;
            assert_eq!(version, Some(Version(EVENTS - 1)));
            Ok(())
        })?;
        let load = timed(STREAMS, |i| {
            let found = log.read_key(&of, key(i, million).as_bytes(), ReadKey::default())?;
            assert_eq!(found.len() as u64, EVENTS);
            Ok(())
        })?;
        let mib = log.stats().index_bytes >> 20;
        println!(
            "| {}M | {:.2} | {:.2} | {:.1} | {:.1} | {mib} |",
            million + 1,
            micros(filled, 1_000_000),
            micros(fresh, STREAMS),
            micros(version, STREAMS),
            micros(load, STREAMS),
        );
    }
    log.close()?;
    drop(log);
    let opened = Instant::now();
    let log = Log::open_dir(&dir, clock, Options::default())?;
    println!("open: {:.1} ms", opened.elapsed().as_secs_f64() * 1e3);
    drop(log);
    std::fs::remove_dir_all(&dir).expect("the folder is ours");
    Ok(())
}

fn key(stream: u64, million: u64) -> String {
    format!("stream-{million}-{stream}")
}

fn record(key: String) -> Record {
    Record {
        key: Some(key.into()),
        value: Some(vec![7u8; 100].into()),
        ..Record::default()
    }
}

/// A million records: single ones of new keys, and among them, far apart, those of the streams.
fn fill(log: &Log, of: &TopicPartition, million: u64) -> Result<Duration> {
    let started = Instant::now();
    let mut pending: Vec<Pending> = Vec::new();
    let streams = STREAMS * EVENTS;
    for batch in 0..1_000_000 / BATCH {
        let records = (batch * BATCH..(batch + 1) * BATCH).map(|i| {
            let spacing = 1_000_000 / streams;
            match i % spacing {
                0 => record(key(i / spacing % STREAMS, million)),
                _ => record(format!("single-{million}-{i}")),
            }
        });
        let append = Append {
            to: of.clone(),
            records: records.collect(),
        };
        let commit = Commit {
            appends: vec![append],
            ..Commit::default()
        };
        pending.push(log.submit(commit));
    }
    for commit in pending {
        commit.wait()?;
    }
    Ok(started.elapsed())
}

/// Commits that a key must not have records yet, many in flight.
fn conditional(log: &Log, of: &TopicPartition, million: u64) -> Result<Duration> {
    let started = Instant::now();
    let commit = |i| {
        let key = format!("new-{million}-{i}");
        let condition = Condition::Version {
            of: of.clone(),
            key: key.clone().into(),
            expected: ExpectedVersion::NoStream,
        };
        log.submit(
            Commit::new()
                .append(of.clone(), [record(key)])
                .when(condition),
        )
    };
    let pending: Vec<Pending> = (0..STREAMS).map(commit).collect();
    for commit in pending {
        commit.wait()?;
    }
    Ok(started.elapsed())
}

fn timed(count: u64, mut f: impl FnMut(u64) -> Result<()>) -> Result<Duration> {
    // Not in the order in which they were written.
    let mut shuffled = (0..count).map(|i| i * 7_919 % count);
    let started = Instant::now();
    shuffled.try_for_each(&mut f)?;
    Ok(started.elapsed())
}

fn micros(time: Duration, count: u64) -> f64 {
    time.as_secs_f64() * 1e6 / count as f64
}
