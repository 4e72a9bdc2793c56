//! The key index of a topic: appends that say which version a key has, and reads of all records of a key.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use bytes::Bytes;
use headwater::SystemClock;
use headwater_log::{
    Commit, Condition, ExpectedVersion, Log, Options, Pending, ReadKey, Record, TopicConfig,
    TopicPartition, Version,
};

use super::figure::Figure;
use crate::cli::exit::{Failure, Outcome};

const KEYS: u64 = 20_000;
/// Records of each key, scattered over the topic.
const VERSIONS: u64 = 10;
/// Commits on their way at a time.
const WINDOW: usize = 1024;
/// Shares no divisor with the number of keys: they are read in another order than they were written in.
const STRIDE: u64 = 7_919;
const INDEXED: &str = "indexed";
const PLAIN: &str = "plain";

/// Measures a log of its own, which is opened again before it is read.
pub(super) fn measure(dir: &Path) -> Outcome<[Figure; 3]> {
    let dir = dir.join("keys");
    let open = || Log::open_dir(&dir, Arc::new(SystemClock), Options::default());
    let log = open()?;
    for (topic, key_index) in [(PLAIN, false), (INDEXED, true)] {
        let config = TopicConfig {
            key_index,
            ..TopicConfig::default()
        };
        log.create_topic(topic, config)?;
    }
    let plain = rate(&log, |i| append(PLAIN, i))?;
    let indexed = rate(&log, |i| append(INDEXED, i).when(is_next(i)))?;
    log.close()?;
    drop(log);
    let log = open()?;
    let name = "log: appends with a condition, 1024 in flight, beside plain ones";
    let figures = [
        Figure::shown_beside(name, indexed, plain, "commits/s"),
        Figure::shown(
            "log: read a key's 10 records, first time",
            read(&log)?,
            "µs",
        ),
        Figure::shown("log: read a key's 10 records, again", read(&log)?, "µs"),
    ];
    log.close()?;
    Ok(figures)
}

fn key(i: u64) -> Bytes {
    format!("key-{}", i % KEYS).into()
}

fn append(topic: &str, i: u64) -> Commit {
    static VALUE: [u8; 200] = [b'x'; 200];
    let record = Record {
        key: Some(key(i)),
        value: Some(Bytes::from_static(&VALUE)),
        ..Record::default()
    };
    Commit::new().append(TopicPartition::new(topic, 0), [record])
}

/// That the key has the version of its last append, or none.
fn is_next(i: u64) -> Condition {
    let expected = match (i / KEYS).checked_sub(1) {
        Some(version) => ExpectedVersion::Exact(Version(version)),
        None => ExpectedVersion::NoStream,
    };
    Condition::Version {
        of: TopicPartition::new(INDEXED, 0),
        key: key(i),
        expected,
    }
}

/// Commits per second until each key has all its versions.
fn rate(log: &Log, commit: impl Fn(u64) -> Commit) -> Outcome<f64> {
    let started = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::with_capacity(WINDOW);
    for i in 0..KEYS * VERSIONS {
        if waiting.len() == WINDOW
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
        waiting.push_back(log.submit(commit(i)));
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok((KEYS * VERSIONS) as f64 / started.elapsed().as_secs_f64())
}

/// Microseconds that it takes to read a key, of all keys.
fn read(log: &Log) -> Outcome<f64> {
    let of = TopicPartition::new(INDEXED, 0);
    let started = Instant::now();
    for i in 0..KEYS {
        let found = log.read_key(&of, &key(i * STRIDE), ReadKey::default())?;
        if found.len() as u64 != VERSIONS {
            return Err(Failure::failed(
                "a key has not the records that were appended",
            ));
        }
    }
    Ok(started.elapsed().as_secs_f64() * 1e6 / KEYS as f64)
}
