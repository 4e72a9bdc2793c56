//! The limit for the bytes of a log.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{
    Cleanup, Commit, DISK_BYTES_MIN, Disk, ErrorKind, Log, MemDisk, Offset, OpenMode, Options,
    Record, TopicConfig, TopicPartition,
};

use crate::support::{clock, commit, record, small};

const LIMIT: u64 = 2 << 20;

fn limited(threads: bool) -> Options {
    Options {
        disk_bytes_max: Some(LIMIT),
        threads,
        ..small()
    }
}

/// What all files of a disk really take.
fn bytes_on(disk: &dyn Disk, dir: &str) -> u64 {
    let names = disk.list(dir).unwrap().into_iter();
    let paths = names.map(|name| match dir {
        "" => name,
        _ => format!("{dir}/{name}"),
    });
    let bytes = |path: String| match disk.open(&path, OpenMode::Read) {
        Ok(file) => file.size().unwrap(),
        Err(_) => bytes_on(disk, &path),
    };
    paths.map(bytes).sum()
}

/// Commits until the log refuses it; gives how many were not refused.
fn fill(log: &Log, topic: &str) -> u64 {
    for count in 0.. {
        let Err(error) = log.commit(commit(topic, [vec![b'x'; 3_000]])) else {
            continue;
        };
        assert_eq!(error.kind(), ErrorKind::QuotaExceeded, "{error}");
        assert!(error.hint().is_some());
        return count;
    }
    unreachable!("there is a limit")
}

fn retained(bytes: u64) -> TopicConfig {
    TopicConfig {
        cleanup: Cleanup {
            retention_bytes: Some(bytes),
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    }
}

#[test]
fn beyond_its_limit_a_log_refuses_records_and_stays_below_it() {
    let disk = Arc::new(MemDisk::new());
    let log = Log::open(disk.clone(), clock(), limited(false)).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    let filled = fill(&log, "t");
    assert!(filled > 300, "{filled} commits of 3 kB in {LIMIT} bytes");
    let last = log.last_commit();
    assert!(log.stats().room_bytes.unwrap() < 3_100);
    for _ in 0..3 {
        assert!(log.commit(commit("t", [vec![b'x'; 3_000]])).is_err());
    }
    assert_eq!(log.last_commit(), last, "a refused commit happened");
    log.checkpoint().unwrap();
    assert!(bytes_on(&*disk, "") <= LIMIT);
    assert_eq!(log.stats().disk_bytes, bytes_on(&*disk, ""));
    // What is there can be read, and a commit without records moves positions.
    let t = TopicPartition::new("t", 0);
    assert_eq!(log.bounds(&t).unwrap().end, Offset(filled));
    log.commit(Commit::new().position("reader", "42")).unwrap();
    let more = log.create_topic("u", TopicConfig::default());
    assert_eq!(more.unwrap_err().kind(), ErrorKind::QuotaExceeded);
}

#[test]
fn commits_to_internal_topics_have_a_reserve_that_ends_too() {
    let log = Log::open(Arc::new(MemDisk::new()), clock(), limited(false)).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    let internal = TopicConfig {
        internal: true,
        ..TopicConfig::default()
    };
    log.create_topic("state", internal).unwrap();
    fill(&log, "t");
    let both = commit("state", [vec![b's'; 100]])
        .append(TopicPartition::new("t", 0), [record(vec![b'x'; 3_000])]);
    assert_eq!(
        log.commit(both).unwrap_err().kind(),
        ErrorKind::QuotaExceeded
    );
    let saved = fill(&log, "state");
    let reserve = LIMIT / 16 / 3_100;
    assert!(
        (reserve - 5..=reserve + 1).contains(&saved),
        "{saved} of {reserve}"
    );
    // A trim needs no room, and gives some.
    log.trim(&TopicPartition::new("t", 0), Offset(200)).unwrap();
    assert!(log.wait_for_room(Duration::ZERO));
    log.commit(commit("t", [vec![b'x'; 3_000]])).unwrap();
}

#[test]
fn the_bytes_of_a_log_are_known_after_each_opening() {
    let disk = Arc::new(MemDisk::new());
    let keyed = TopicConfig {
        key_index: true,
        segment_bytes: 8 << 10,
        ..TopicConfig::default()
    };
    let log = Log::open(disk.clone(), clock(), limited(false)).unwrap();
    log.create_topic("t", keyed.clone()).unwrap();
    log.create_topic("gone", keyed).unwrap();
    for i in 0..200_u32 {
        let record = || Record {
            key: Some(format!("k{}", i % 20).into()),
            ..record(vec![b'x'; 500])
        };
        for topic in ["t", "gone"] {
            let to = TopicPartition::new(topic, 0);
            log.commit(Commit::new().append(to, [record()])).unwrap();
        }
    }
    let before = log.stats().room_bytes.unwrap();
    std::mem::forget(log);
    let log = Log::open(disk.clone(), clock(), limited(false)).unwrap();
    let after = log.stats().room_bytes.unwrap();
    assert!(
        before.abs_diff(after) < 2_000,
        "{before} before, {after} after"
    );
    log.checkpoint().unwrap();
    assert_eq!(log.stats().disk_bytes, bytes_on(&*disk, ""));
    let before = log.stats().room_bytes.unwrap();
    log.delete_topic("gone").unwrap();
    log.checkpoint().unwrap();
    assert_eq!(log.stats().disk_bytes, bytes_on(&*disk, ""));
    assert!(log.stats().room_bytes.unwrap() > before + 100_000);
}

#[test]
fn retention_makes_room_by_itself_and_tells_who_waits_for_it() {
    let log = Log::open(Arc::new(MemDisk::new()), clock(), limited(true)).unwrap();
    log.create_topic("t", retained(64 << 10)).unwrap();
    log.create_topic("kept", TopicConfig::default()).unwrap();
    log.pin("reader", &TopicPartition::new("t", 0), Offset(0))
        .unwrap();
    fill(&log, "t");
    let (tell, told) = std::sync::mpsc::channel();
    let told_once = move || assert!(tell.send(()).is_ok());
    let _subscription = log.subscribe(Arc::new(told_once));
    log.unpin("reader").unwrap();
    assert!(log.wait_for_room(Duration::from_secs(30)));
    told.recv_timeout(Duration::from_secs(30)).unwrap();
    for _ in 0..1_000 {
        match log.commit(commit("t", [vec![b'x'; 3_000]])) {
            Ok(_) => {}
            Err(e) if e.kind() == ErrorKind::QuotaExceeded => {
                assert!(log.wait_for_room(Duration::from_secs(30)));
            }
            Err(e) => panic!("{e}"),
        }
    }
}

#[test]
fn compaction_makes_room_although_little_is_new() {
    let log = Log::open(Arc::new(MemDisk::new()), clock(), limited(true)).unwrap();
    let compacted = TopicConfig {
        cleanup: Cleanup {
            compact: true,
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    };
    log.create_topic("t", compacted).unwrap();
    let write = |i: u64, keys: u64| {
        let record = Record {
            key: Some(format!("k{}", i % keys).into()),
            ..record(vec![b'x'; 3_000])
        };
        log.commit(Commit::new().append(TopicPartition::new("t", 0), [record]))
    };
    // A base of keys that stay, then a few keys over and over.
    for i in 0..300 {
        write(i, 300).unwrap();
    }
    for i in 0..1_000 {
        while let Err(e) = write(i, 10) {
            assert_eq!(e.kind(), ErrorKind::QuotaExceeded, "{e}");
            assert!(log.wait_for_room(Duration::from_secs(30)), "commit {i}");
        }
    }
}

#[test]
fn a_limit_that_no_log_can_keep_is_refused() {
    let options = Options {
        disk_bytes_max: Some(DISK_BYTES_MIN - 1),
        ..small()
    };
    let error = Log::open(Arc::new(MemDisk::new()), clock(), options).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid);
}

#[test]
fn a_commit_that_never_fits_is_refused_at_once_and_nobody_waits_for_it() {
    let log = Log::open(Arc::new(MemDisk::new()), clock(), limited(false)).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    let value = vec![b'x'; 400 << 10];
    let large = commit("t", vec![value; 6]);
    let error = log.commit(large).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Invalid, "{error}");
    assert!(log.wait_for_room(Duration::ZERO));
    assert!(!log.is_short_of_room());
    log.commit(commit("t", [vec![b'x'; 3_000]])).unwrap();
}

#[test]
fn room_is_short_before_it_ends() {
    let log = Log::open(Arc::new(MemDisk::new()), clock(), limited(false)).unwrap();
    assert_eq!(log.disk_bytes_max(), Some(LIMIT));
    log.create_topic("t", TopicConfig::default()).unwrap();
    let mut before = 0;
    while !log.is_short_of_room() {
        log.commit(commit("t", [vec![b'x'; 3_000]])).unwrap();
        before += 1;
    }
    assert!(
        fill(&log, "t") > before / 8,
        "that was late: after {before}"
    );
}
