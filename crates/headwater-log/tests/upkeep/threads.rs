//! Everybody at once: writers, readers, compaction, retention, trims and topics that come and go, each on a thread of its own, until
//! the power goes.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use bytes::Bytes;
use headwater_log::simulation::{Faults, FaultyDisk};
use headwater_log::{
    Cleanup, Commit, Condition, Disk, ErrorKind, ExpectedVersion, Log, Offset, Options, ReadKey,
    Record, TopicConfig, TopicPartition, Version, verify,
};
use rand::Rng;

use crate::support::{clock, for_seeds, small};

const WRITERS: u64 = 3;
const KEYS: u64 = 5;

/// How often each writer was acknowledged, and how often it has asked.
#[derive(Default)]
struct Progress {
    acknowledged: AtomicU64,
    asked: AtomicU64,
}

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

fn key(writer: u64, round: u64) -> Bytes {
    format!("w{writer}k{}", round % KEYS).into()
}

fn record(writer: u64, round: u64) -> Record {
    Record {
        key: Some(key(writer, round)),
        value: Some(format!("{round:0>80}").into()),
        ..Record::default()
    }
}

fn table() -> TopicPartition {
    TopicPartition::new("table", 0)
}

fn queue() -> TopicPartition {
    TopicPartition::new("queue", 0)
}

/// Round after round: one record of a key, if it has the version of the round before, and one in the queue.
fn write(log: &Log, writer: u64, from: u64, progress: &Progress) {
    for round in from.. {
        let expected = match round.checked_sub(KEYS) {
            None => ExpectedVersion::NoStream,
            Some(_) => ExpectedVersion::Exact(Version(round / KEYS - 1)),
        };
        let commit = Commit::new()
            .append(table(), [record(writer, round)])
            .append(queue(), [record(writer, round)])
            .when(Condition::Version {
                of: table(),
                key: key(writer, round),
                expected,
            });
        progress.asked.store(round + 1, Ordering::SeqCst);
        match log.commit(commit) {
            Ok(_) => progress.acknowledged.store(round + 1, Ordering::SeqCst),
            Err(e) if e.kind() == ErrorKind::Conflict => panic!("{e}"),
            Err(_) => return,
        }
    }
}

/// Whether the log goes on.
fn goes_on<T>(result: headwater_log::Result<T>) -> bool {
    match result {
        Ok(_) => true,
        Err(e) => {
            let fails = [ErrorKind::Unavailable, ErrorKind::Closed];
            assert!(fails.contains(&e.kind()), "{e}");
            false
        }
    }
}

fn trim(log: &Log) -> bool {
    let bounds = log.bounds(&queue()).unwrap();
    let before = bounds.start.0 + (bounds.end.0 - bounds.start.0) / 2;
    goes_on(log.trim(&queue(), Offset(before)))
}

fn come_and_go(log: &Log) -> bool {
    goes_on(log.create_topic("passing", compacted()))
        && goes_on(
            log.commit(Commit::new().append(TopicPartition::new("passing", 0), [record(9, 0)])),
        )
        && goes_on(log.delete_topic("passing"))
}

/// Lets everybody loose until the power goes.
fn run(log: &Log, disk: &FaultyDisk, from: &[u64], progress: &[Progress]) {
    let done = AtomicBool::new(false);
    let repeat = |duty: fn(&Log) -> bool| {
        let mut goes_on = true;
        while goes_on && !done.load(Ordering::SeqCst) {
            goes_on = duty(log);
        }
    };
    std::thread::scope(|scope| {
        let duties: [fn(&Log) -> bool; 4] = [
            |log| goes_on(log.clean_up()),
            |log| goes_on(log.checkpoint()),
            trim,
            come_and_go,
        ];
        for duty in duties {
            let repeat = &repeat;
            scope.spawn(move || repeat(duty));
        }
        let each = (0..).zip(from).zip(progress);
        let writers: Vec<_> = each
            .map(|((writer, from), progress)| {
                scope.spawn(move || write(log, writer, *from, progress))
            })
            .collect();
        for writer in writers {
            writer.join().unwrap();
        }
        done.store(true, Ordering::SeqCst);
    });
    assert!(disk.is_off(), "writers stop when the power goes");
}

/// How many rounds of a writer are there: the newest record of each key says it, and its version fits.
fn rounds(log: &Log, writer: u64) -> u64 {
    let rounds = (0..KEYS).map(|round| {
        let key = key(writer, round);
        let found = log.read_key(&table(), &key, ReadKey::default()).unwrap();
        let Some(newest) = found.last() else {
            assert_eq!(log.key_version(&table(), &key).unwrap(), None);
            return 0;
        };
        let value = newest.record.value.as_ref().unwrap();
        let round: u64 = std::str::from_utf8(value).unwrap().parse().unwrap();
        assert_eq!(newest.version, Version(round / KEYS), "{key:?}");
        round + 1
    });
    rounds.max().unwrap()
}

#[test]
fn with_everybody_at_work_a_power_cut_loses_nothing_that_was_acknowledged() {
    for_seeds(20, |rng, seed| {
        let mut disk = FaultyDisk::new(seed);
        let mut from = vec![0; WRITERS as usize];
        for cut in 0..4 {
            let shared: Arc<dyn Disk> = Arc::new(disk.clone());
            let options = Options {
                compaction_keys_max: rng.random_range(4..40),
                ..small()
            };
            let log = Log::open(shared, clock(), options).unwrap();
            if cut == 0 {
                log.create_topic("table", compacted()).unwrap();
                log.create_topic("queue", TopicConfig::default()).unwrap();
            } else if log.topic("passing").is_some() {
                log.delete_topic("passing").unwrap();
            }
            disk.set_faults(Faults {
                power_off_at: Some(rng.random_range(200..3_000)),
                is_restless: rng.random(),
                ..Faults::default()
            });
            let progress: Vec<Progress> = from.iter().map(|_| Progress::default()).collect();
            run(&log, &disk, &from, &progress);
            let crashed = disk.crash();
            drop(log);
            disk = crashed;
            let report = verify(Arc::new(disk.clone())).unwrap();
            assert_eq!(report.findings, []);
            let log = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap();
            for ((writer, from), progress) in (0..).zip(&mut from).zip(&progress) {
                let there = rounds(&log, writer);
                let acknowledged = progress.acknowledged.load(Ordering::SeqCst).max(*from);
                let asked = progress.asked.load(Ordering::SeqCst);
                assert!(
                    (acknowledged..=asked).contains(&there),
                    "{there} rounds of writer {writer}: {acknowledged} were acknowledged and {asked} asked for"
                );
                *from = there;
            }
        }
    });
}
