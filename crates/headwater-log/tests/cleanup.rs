//! Retention and compaction beside writers and readers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use headwater_log::{
    Cleanup, Commit, Condition, ErrorKind, ExpectedVersion, Log, ManualClock, MemDisk, Offset,
    Options, ReadKey, Record, Timestamp, TopicConfig, TopicPartition, Version,
};

use crate::support::{clock, read_all, small};

fn compacted() -> TopicConfig {
    TopicConfig {
        key_index: true,
        segment_bytes: 4 << 10,
        cleanup: Cleanup {
            compact: true,
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    }
}

fn keyed(key: &str, value: String) -> Record {
    Record {
        key: Some(Bytes::copy_from_slice(key.as_bytes())),
        value: Some(value.into()),
        ..Record::default()
    }
}

/// What a reader of everything ends up with.
fn fold(log: &Log, of: &TopicPartition) -> (BTreeMap<Bytes, Bytes>, usize) {
    let bounds = log.bounds(of).unwrap();
    let (mut at, mut state, mut count) = (bounds.start, BTreeMap::new(), 0);
    while at < bounds.end {
        let fetched = log.fetch(of, at, 10_000).unwrap();
        let Some(last) = fetched.batches.last() else {
            break;
        };
        at = last.next_offset();
        for record in fetched.batches.iter().flat_map(|batch| batch.records()) {
            let (_, record) = record.unwrap();
            state.insert(record.key.unwrap(), record.value.unwrap());
            count += 1;
        }
    }
    (state, count)
}

#[test]
fn writers_readers_and_compaction_do_not_disturb_each_other() {
    let disk = Arc::new(MemDisk::new());
    let log = Log::open(disk.clone(), clock(), small()).unwrap();
    log.create_topic("state", compacted()).unwrap();
    let of = TopicPartition::new("state", 0);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..4)
            .map(|writer| {
                let (log, of) = (&log, &of);
                scope.spawn(move || {
                    for i in 0..300 {
                        let key = format!("w{writer}-{}", i % 7);
                        let expected = match i {
                            0..7 => ExpectedVersion::NoStream,
                            _ => ExpectedVersion::Exact(Version(i / 7 - 1)),
                        };
                        let condition = Condition::Version {
                            of: of.clone(),
                            key: key.clone().into(),
                            expected,
                        };
                        let record = keyed(&key, format!("{i:0>60}"));
                        let commit = Commit::new().append(of.clone(), [record]).when(condition);
                        log.commit(commit).unwrap();
                    }
                })
            })
            .collect();
        let cleaner = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                log.clean_up().unwrap();
            }
        });
        let reader = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                fold(&log, &of);
                for found in log.read_key(&of, b"w1-3", ReadKey::default()).unwrap() {
                    let value = format!("{:0>60}", found.version.0 * 7 + 3);
                    assert_eq!(found.record.value, Some(value.into()));
                }
            }
        });
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
        cleaner.join().unwrap();
        reader.join().unwrap();
    });
    log.clean_up().unwrap();
    let check = |log: &Log| {
        let (state, count) = fold(log, &of);
        assert_eq!(state.len(), 28);
        assert!(count < 28 + 80, "{count} records are left");
        for (key, value) in &state {
            let last = (0..300).rfind(|i| key.ends_with(format!("-{}", i % 7).as_bytes()));
            assert_eq!(*value, format!("{:0>60}", last.unwrap()));
            let version = log.key_version(&of, key).unwrap().unwrap();
            assert_eq!(version.0, last.unwrap() / 7);
        }
    };
    check(&log);
    drop(log);
    check(&Log::open(disk, clock(), small()).unwrap());
}

#[test]
fn old_segments_go_when_the_topic_is_too_large_but_not_past_a_pin() {
    let options = Options {
        threads: false,
        ..small()
    };
    let log = Log::open(Arc::new(MemDisk::new()), clock(), options).unwrap();
    let config = TopicConfig {
        segment_bytes: 4 << 10,
        cleanup: Cleanup {
            retention_bytes: Some(16 << 10),
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    };
    log.create_topic("t", config).unwrap();
    let of = TopicPartition::new("t", 0);
    log.pin("reader", &of, Offset(0)).unwrap();
    for i in 0..100 {
        let record = keyed("k", format!("{i:0>400}"));
        log.commit(Commit::new().append(of.clone(), [record]))
            .unwrap();
    }
    log.clean_up().unwrap();
    assert_eq!(log.bounds(&of).unwrap().start, Offset(0));
    log.pin("reader", &of, Offset(30)).unwrap();
    log.clean_up().unwrap();
    let start = log.bounds(&of).unwrap().start;
    assert!((1..=30).contains(&start.0), "{start:?}");
    log.unpin("reader").unwrap();
    log.clean_up().unwrap();
    let start = log.bounds(&of).unwrap().start;
    assert!((50..=80).contains(&start.0), "{start:?}");
    let gone = log.fetch(&of, Offset(0), 1).unwrap_err();
    assert_eq!(gone.kind(), ErrorKind::Invalid);
}

#[test]
fn a_deleted_key_stays_deleted_although_a_segment_has_more_keys_than_a_round_looks_at() {
    let clock = Arc::new(ManualClock::new(Timestamp(1_000)));
    let options = Options {
        threads: false,
        compaction_keys_max: 5,
        ..small()
    };
    let disk = Arc::new(MemDisk::new());
    let log = Log::open(disk.clone(), clock.clone(), options.clone()).unwrap();
    log.create_topic("state", compacted()).unwrap();
    let of = TopicPartition::new("state", 0);
    let put = |key: &str, value: Option<String>| {
        let record = Record {
            value: value.map(Into::into),
            ..keyed(key, String::new())
        };
        let commit = Commit::new().append(of.clone(), [record]);
        log.commit(commit).unwrap();
    };
    let many = |round: u32| {
        for i in 0..40 {
            put(&format!("k{i}"), Some(format!("{round:0>120}")));
        }
    };
    put("gone", Some("here".into()));
    many(0);
    put("gone", None);
    many(1);
    many(2);
    log.clean_up().unwrap();
    clock.advance(Cleanup::default().delete_retention_ms + 1);
    log.clean_up().unwrap();
    assert_eq!(log.key_version(&of, b"gone").unwrap(), None);
    let found = log.read_key(&of, b"gone", ReadKey::default()).unwrap();
    assert_eq!(found, []);
    let count = read_all(&log, &of).len();
    assert!((40..80).contains(&count), "{count} records are left");
    std::mem::forget(log);
    let log = Log::open(disk, clock, options).unwrap();
    assert_eq!(log.key_version(&of, b"gone").unwrap(), None);
    assert_eq!(read_all(&log, &of).len(), count);
}

#[test]
fn topic_without_a_key_index_says_so() {
    let log = Log::memory(clock());
    log.create_topic("t", TopicConfig::default()).unwrap();
    let of = TopicPartition::new("t", 0);
    let error = log.key_version(&of, b"k").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert_eq!(error.to_string(), "topic \"t\" has no key index");
}

/// A cut is between two commits, and compaction leaves what can be seen in it.
#[test]
fn a_cut_is_whole_and_stays_so_while_others_write_and_compact() {
    let disk = Arc::new(MemDisk::new());
    let log = Log::open(disk, clock(), small()).unwrap();
    let names = ["a", "b"];
    for name in names {
        log.create_topic(name, compacted()).unwrap();
    }
    let done = AtomicBool::new(false);
    let keys = 5_u32;
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for i in 0..2_000_u32 {
                let record = || keyed(&format!("k{}", i % keys), format!("{i:0>60}"));
                let commit = names.iter().fold(Commit::new(), |commit, name| {
                    commit.append(TopicPartition::new(*name, 0), [record()])
                });
                log.commit(commit).unwrap();
            }
            done.store(true, Ordering::SeqCst);
        });
        scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                log.clean_up().unwrap();
            }
        });
        let mut cuts = 0;
        while !done.load(Ordering::SeqCst) {
            let cut = log.cut().unwrap();
            let read = names.map(|name| {
                let of = TopicPartition::new(name, 0);
                let bounds = cut.bounds(&of).unwrap();
                // Others write and compact meanwhile.
                log.clean_up().unwrap();
                let (mut at, mut newest) = (bounds.start, BTreeMap::new());
                while at < bounds.end {
                    let fetched = log.fetch(&of, at, 10_000).unwrap();
                    at = fetched.batches.last().unwrap().next_offset();
                    for record in fetched.batches.iter().flat_map(|batch| batch.records()) {
                        let (offset, record) = record.unwrap();
                        if offset < bounds.end {
                            newest.insert(record.key.unwrap(), record.value.unwrap());
                        }
                    }
                }
                newest
            });
            assert_eq!(read[0], read[1], "a commit was torn or a record went");
            if cut.bounds(&TopicPartition::new("a", 0)).unwrap().end.0 >= u64::from(keys) {
                assert_eq!(read[0].len(), keys as usize);
                cuts += 1;
            }
        }
        writer.join().unwrap();
        assert!(cuts > 0);
    });
}
