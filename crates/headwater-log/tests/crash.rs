//! Crash tests: a log on a disk that loses, tears and refuses, against a model of what was promised. Every run is
//! repeatable by its seed, which a failure prints; `HEADWATER_CRASH_SEEDS` sets how many are run.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{
    Commit, Disk, ErrorKind, Log, Offset, Options, Result, TopicConfig, TopicPartition,
};
use rand::Rng;
use rand::rngs::StdRng;

use crate::support::{clock, for_seeds, read_all, record, small};

mod promises;

use promises::{Asked, Model, Said};

const PARTITIONS: u32 = 3;
const TOPIC: &str = "t";

fn options(rng: &mut StdRng) -> Options {
    Options {
        threads: false,
        group_bytes_max: rng.random_range(4..17) << 10,
        direct_bytes: rng.random_range(1..4) << 10,
        batch_bytes: rng.random_range(300..5_000),
        flush_bytes: rng.random_range(1..20) << 10,
        checkpoint_bytes: rng.random_range(4..64) << 10,
        ..small()
    }
}

fn open(disk: &FaultyDisk, rng: &mut StdRng) -> Result<Log> {
    Log::open(
        Arc::new(disk.clone()) as Arc<dyn Disk>,
        clock(),
        options(rng),
    )
}

fn partition(p: u32) -> TopicPartition {
    TopicPartition::new(TOPIC, p)
}

fn all_values(log: &Log) -> BTreeMap<u64, Vec<(u32, Bytes)>> {
    let mut commits: BTreeMap<u64, Vec<(u32, Bytes)>> = BTreeMap::new();
    for p in 0..PARTITIONS {
        for (_, commit, value) in read_all(log, &partition(p)) {
            commits.entry(commit).or_default().push((p, value));
        }
    }
    commits
}

fn with_topic(disk: &FaultyDisk, rng: &mut StdRng) -> Log {
    let log = open(disk, rng).unwrap();
    let config = TopicConfig {
        partitions: PARTITIONS,
        segment_bytes: rng.random_range(4..20) << 10,
        ..TopicConfig::default()
    };
    log.create_topic(TOPIC, config).unwrap();
    log
}

#[test]
fn after_a_power_cut_every_acknowledged_commit_is_whole_and_nothing_else_is_there() {
    for_seeds(150, |rng, seed| {
        let mut disk = FaultyDisk::new(seed);
        let mut log = with_topic(&disk, rng);
        let mut model = Model::default();
        for _ in 0..rng.random_range(1..6) {
            disk.set_faults(Faults {
                power_off_at: Some(rng.random_range(1..200)),
                ..Faults::default()
            });
            for _ in 0..rng.random_range(1..60) {
                model.submit(&log, rng);
                if rng.random_bool(0.1) && !disk.is_off() {
                    model.look(&log);
                }
                if rng.random_bool(0.05) {
                    drop(log.checkpoint());
                }
            }
            disk = disk.crash();
            drop(log);
            // The power may go again while the log is opened.
            while rng.random_bool(0.3) {
                disk.set_faults(Faults {
                    power_off_at: Some(rng.random_range(1..12)),
                    ..Faults::default()
                });
                drop(open(&disk, rng));
                disk = disk.crash();
            }
            log = open(&disk, rng).unwrap();
            model.check(&log);
        }
    });
}

#[test]
fn after_a_failed_sync_the_log_refuses_writes_and_keeps_its_promises() {
    let refused = std::cell::Cell::new(0);
    for_seeds(60, |rng, seed| {
        let disk = FaultyDisk::new(seed);
        let log = with_topic(&disk, rng);
        let mut model = Model::default();
        disk.set_faults(Faults {
            sync_fails_at: Some(rng.random_range(1..30)),
            ..Faults::default()
        });
        for _ in 0..200 {
            model.submit(&log, rng);
            if let Err(e) = log.commit(Commit::new().append(partition(0), [record("x")])) {
                assert_eq!(e.kind(), ErrorKind::Closed);
                assert!(e.to_string().contains("poisoned"), "{e}");
                assert!(log.commit(Commit::new()).is_err());
                refused.set(refused.get() + 1);
                break;
            }
            model.look(&log);
        }
        // What is durable can still be read.
        let readable = all_values(&log);
        for (number, values) in &model.seen {
            assert_eq!(readable.get(number), Some(values));
        }
        let disk = disk.crash();
        drop(log);
        let log = open(&disk, rng).unwrap();
        let found = all_values(&log);
        for (number, values) in &readable {
            assert_eq!(
                found.get(number),
                Some(values),
                "commit {number} was readable"
            );
        }
    });
}

#[test]
fn a_full_disk_refuses_commits_leaves_the_log_readable_and_heals_with_room() {
    for_seeds(60, |rng, seed| {
        let disk = FaultyDisk::new(seed);
        let mut log = with_topic(&disk, rng);
        let mut model = Model::default();
        disk.set_faults(Faults {
            room_bytes: Some(disk.used_bytes() + rng.random_range(0..200_000)),
            ..Faults::default()
        });
        for _ in 0..100 {
            model.submit(&log, rng);
        }
        let full = log.commit(Commit::new().append(partition(0), [record(vec![0; 400_000])]));
        let error = full.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
        model.look(&log);
        disk.set_faults(Faults::default());
        for _ in 0..30 {
            model.submit(&log, rng);
        }
        let last = log.commit(Commit::new().append(partition(0), [record("room")]));
        model.asked.push(Asked {
            values: vec![(0, "room".into())],
            position: None,
            said: Said::Yes(last.unwrap()),
        });
        model.look(&log);
        let disk = disk.crash();
        drop(log);
        log = open(&disk, rng).unwrap();
        model.check(&log);
    });
}

#[test]
fn a_flipped_bit_is_reported_or_harmless_but_never_read() {
    let (mut refused, mut harmless) = (0, 0);
    let counts = std::cell::RefCell::new((&mut refused, &mut harmless));
    for_seeds(200, |rng, seed| {
        let disk = FaultyDisk::new(seed);
        let log = with_topic(&disk, rng);
        let mut model = Model::default();
        for _ in 0..rng.random_range(5..60) {
            model.submit(&log, rng);
        }
        // One more group, which proves that the groups before it were durable.
        log.commit(Commit::new()).unwrap();
        let before = all_values(&log);
        let disk = disk.crash();
        drop(log);
        let flipped = disk.flip_a_bit().unwrap();
        let read = open(&disk, rng).and_then(|log| {
            for p in 0..PARTITIONS {
                let end = log.bounds(&partition(p))?.end;
                let mut at = Offset(0);
                while at < end {
                    let fetched = log.fetch(&partition(p), at, 10_000)?;
                    at = fetched.batches.last().unwrap().next_offset();
                }
            }
            Ok(all_values(&log))
        });
        match read {
            Err(e) => {
                assert_eq!(e.kind(), ErrorKind::Corrupt, "{flipped:?}: {e}");
                *counts.borrow_mut().0 += 1;
            }
            Ok(found) => {
                assert_eq!(found, before, "{flipped:?}");
                *counts.borrow_mut().1 += 1;
            }
        }
    });
    assert!(
        refused > 0 && harmless > 0,
        "{refused} refused, {harmless} harmless"
    );
}
