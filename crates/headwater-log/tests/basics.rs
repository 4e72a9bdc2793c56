//! A log in use, without faults.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{
    Commit, CommitNumber, Condition, Disk, ErrorKind, Log, MemDisk, Offset, Options, Timestamp,
    TopicConfig, TopicPartition,
};

use crate::support::{clock, commit, read_all, record, small};

fn open(disk: &Arc<MemDisk>, options: Options) -> Log {
    Log::open(Arc::clone(disk) as Arc<dyn Disk>, clock(), options).unwrap()
}

fn topic(name: &str) -> TopicPartition {
    TopicPartition::new(name, 0)
}

fn small_topic() -> TopicConfig {
    TopicConfig {
        segment_bytes: 10_000,
        ..TopicConfig::default()
    }
}

#[test]
fn records_are_read_as_they_were_committed_also_after_reopening() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    let mut expected = Vec::new();
    for i in 0..3_000u64 {
        let size = if i % 50 == 0 {
            9_000
        } else {
            (i % 300) as usize
        };
        let value = vec![b'a' + (i % 26) as u8; size];
        let receipt = log.commit(commit("t", [value.clone()])).unwrap();
        assert_eq!(receipt.offsets, [Offset(i)]);
        expected.push((i, receipt.number.0, value.into()));
    }
    assert_eq!(read_all(&log, &topic("t")), expected);
    assert!(log.stats().checkpoints > 0);
    drop(log);
    let log = open(&disk, small());
    assert_eq!(read_all(&log, &topic("t")), expected);
    assert_eq!(log.last_commit(), CommitNumber(3_001));
}

#[test]
fn a_log_that_was_not_closed_is_recovered_from_the_write_ahead_log() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    let mut expected = Vec::new();
    for i in 0..20u64 {
        let receipt = log
            .commit(commit("t", [vec![1; (i * 300) as usize]]))
            .unwrap();
        expected.push((i, receipt.number.0, vec![1; (i * 300) as usize].into()));
    }
    log.commit(Commit::new().position("p", "x")).unwrap();
    std::mem::forget(log);
    let log = open(&disk, small());
    assert_eq!(read_all(&log, &topic("t")), expected);
    assert_eq!(log.position("p").unwrap(), "x");
}

#[test]
fn commits_in_flight_share_groups_and_keep_their_order() {
    let disk = Arc::new(MemDisk::new());
    let options = Options {
        threads: false,
        ..small()
    };
    let log = open(&disk, options);
    log.create_topic("t", small_topic()).unwrap();
    let pending: Vec<_> = (0..100).map(|_| log.submit(commit("t", ["x"]))).collect();
    let offsets = pending.into_iter().map(|p| p.wait().unwrap().offsets[0].0);
    assert_eq!(offsets.collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
    assert!(log.stats().groups < 10, "{:?}", log.stats());
}

#[test]
fn many_threads_commit_at_once() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for _ in 0..200 {
                    log.commit(commit("t", [vec![7; 100]])).unwrap();
                }
            });
        }
    });
    assert_eq!(log.bounds(&topic("t")).unwrap().end, Offset(1_600));
    assert_eq!(read_all(&log, &topic("t")).len(), 1_600);
}

#[test]
fn a_commit_is_atomic_over_partitions() {
    let log = Log::memory(clock());
    log.create_topic("a", TopicConfig::partitions(2)).unwrap();
    let to = |p| TopicPartition::new("a", p);
    let both = Commit::new()
        .append(to(0), [record("x")])
        .append(to(1), [record("y")]);
    log.commit(both).unwrap();
    let missing = Commit::new()
        .append(to(0), [record("x")])
        .append(to(2), [record("y")]);
    assert_eq!(log.commit(missing).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(log.bounds(&to(0)).unwrap().end, Offset(1));
}

#[test]
fn a_position_condition_sees_commits_of_the_same_group() {
    let options = Options {
        threads: false,
        ..small()
    };
    let log = open(&Arc::new(MemDisk::new()), options);
    log.create_topic("t", small_topic()).unwrap();
    let step = |expected: Option<&'static str>, to: &'static str| {
        log.submit(
            commit("t", ["x"])
                .position("p", to)
                .when(Condition::Position {
                    owner: "p".into(),
                    expected: expected.map(Into::into),
                }),
        )
    };
    let steps = [step(None, "1"), step(None, "2"), step(Some("1"), "3")];
    let results: Vec<_> = steps
        .into_iter()
        .map(|s| s.wait().map_err(|e| e.kind()))
        .collect();
    assert!(results[0].is_ok());
    assert_eq!(results[1], Err(ErrorKind::Conflict));
    assert!(results[2].is_ok());
    assert_eq!(log.position("p").unwrap(), "3");
}

#[test]
fn a_commit_larger_than_the_write_ahead_log_goes_to_the_segments() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    log.commit(commit("t", ["small"])).unwrap();
    let values: Vec<_> = (0..2_000).map(|_| vec![3; 200]).collect();
    let receipt = log.commit(commit("t", values)).unwrap();
    assert_eq!(receipt.offsets, [Offset(1)]);
    let expected = read_all(&log, &topic("t"));
    assert_eq!(expected.len(), 2_001);
    std::mem::forget(log);
    let log = open(&disk, small());
    assert_eq!(read_all(&log, &topic("t")), expected);
}

#[test]
fn topics_are_created_altered_and_deleted_durably() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    let again = log.create_topic("t", small_topic()).unwrap_err();
    assert_eq!(again.kind(), ErrorKind::Conflict);
    assert_eq!(
        log.create_topic("a/b", small_topic()).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    log.commit(commit("t", ["x"])).unwrap();
    log.alter_topic(
        "t",
        TopicConfig {
            partitions: 3,
            ..small_topic()
        },
    )
    .unwrap();
    log.create_topic("gone", small_topic()).unwrap();
    log.commit(commit("gone", ["x"])).unwrap();
    log.checkpoint().unwrap();
    log.delete_topic("gone").unwrap();
    assert_eq!(
        log.commit(commit("gone", ["x"])).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    log.close().unwrap();
    let log = open(&disk, small());
    let names: Vec<_> = log.topics().into_iter().map(|t| t.name).collect();
    assert_eq!(names, ["t"]);
    assert_eq!(log.topic("t").unwrap().config.partitions, 3);
    assert!(
        disk.list("topics")
            .unwrap()
            .iter()
            .all(|dir| dir.starts_with("t."))
    );
    log.create_topic("gone", small_topic()).unwrap();
    assert_eq!(log.bounds(&topic("gone")).unwrap().end, Offset(0));
}

#[test]
fn trim_stops_at_the_lowest_pin_and_frees_segments() {
    let disk = Arc::new(MemDisk::new());
    let log = open(&disk, small());
    log.create_topic("t", small_topic()).unwrap();
    for _ in 0..500 {
        log.commit(commit("t", [vec![1; 100]])).unwrap();
    }
    log.pin("reader", &topic("t"), Offset(300)).unwrap();
    assert_eq!(log.trim(&topic("t"), Offset(400)).unwrap(), Offset(300));
    assert_eq!(
        log.fetch(&topic("t"), Offset(299), 1).unwrap_err().kind(),
        ErrorKind::Invalid
    );
    log.checkpoint().unwrap();
    let dir = "topics/t.1/0";
    let before = disk.list(dir).unwrap().len();
    log.unpin("reader").unwrap();
    assert_eq!(log.trim(&topic("t"), Offset(500)).unwrap(), Offset(500));
    log.checkpoint().unwrap();
    assert!(disk.list(dir).unwrap().len() < before);
    drop(log);
    let log = open(&disk, small());
    let bounds = log.bounds(&topic("t")).unwrap();
    assert_eq!((bounds.start, bounds.end), (Offset(500), Offset(500)));
    assert_eq!(log.pins(), []);
}

#[test]
fn offsets_are_found_by_time() {
    let log = open(&Arc::new(MemDisk::new()), small());
    log.create_topic("t", small_topic()).unwrap();
    for i in 0..400 {
        let mut record = record(vec![0; 90]);
        // Pairs out of order: 10, 0, 30, 20, …
        record.timestamp = Some(Timestamp(10 * (i ^ 1)));
        log.commit(Commit::new().append(topic("t"), [record]))
            .unwrap();
    }
    let at = |time| log.offset_at(&topic("t"), Timestamp(time)).unwrap().0;
    assert_eq!(
        [
            at(-5),
            at(0),
            at(11),
            at(25),
            at(2_000),
            at(3_990),
            at(3_991)
        ],
        [0, 0, 2, 2, 200, 398, 400]
    );
}

#[test]
fn whoever_waits_for_a_commit_is_woken() {
    let log = Log::memory(clock());
    log.create_topic("t", TopicConfig::default()).unwrap();
    let before = log.last_commit();
    let (tell, told) = std::sync::mpsc::channel();
    let subscription = log.subscribe(Arc::new(move || tell.send(()).unwrap_or_default()));
    std::thread::scope(|scope| {
        let waiter = scope.spawn(|| log.wait_for_commit(before, Duration::from_secs(60)));
        log.commit(commit("t", ["x"])).unwrap();
        assert!(waiter.join().unwrap() > before);
    });
    told.recv_timeout(Duration::from_secs(60)).unwrap();
    drop(subscription);
    assert!(told.recv().is_err());
}

#[test]
fn a_second_process_is_kept_out_and_told_where() {
    let dir = tempfile::tempdir().unwrap();
    let log = Log::open_dir(dir.path(), clock(), small()).unwrap();
    log.create_topic("t", small_topic()).unwrap();
    log.commit(commit("t", ["x"])).unwrap();
    let second = Log::open_dir(dir.path(), clock(), small()).unwrap_err();
    assert_eq!(second.kind(), ErrorKind::Conflict);
    assert!(
        second
            .to_string()
            .contains(&dir.path().display().to_string()),
        "{second}"
    );
    drop(log);
    let log = Log::open_dir(dir.path(), clock(), small()).unwrap();
    assert_eq!(read_all(&log, &topic("t")).len(), 1);
}

#[test]
fn a_folder_that_holds_something_else_is_left_alone() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join(".hidden"), "").unwrap();
    std::fs::write(dir.path().join("thesis.txt"), "").unwrap();
    let refused = Log::open_dir(dir.path(), clock(), small()).unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Invalid);
    assert!(refused.to_string().contains("thesis.txt"), "{refused}");
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2);
    std::fs::remove_file(dir.path().join("thesis.txt")).unwrap();
    Log::open_dir(dir.path(), clock(), small()).unwrap();
}

#[test]
fn a_closed_log_refuses_commits() {
    let log = Log::memory(clock());
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.close().unwrap();
    assert_eq!(
        log.commit(commit("t", ["x"])).unwrap_err().kind(),
        ErrorKind::Closed
    );
}

#[test]
fn whoever_submits_to_a_full_queue_waits_until_there_is_room() {
    for (queue_commits_max, queue_bytes_max) in [(2, 1 << 20), (1000, 300)] {
        let options = Options {
            threads: true,
            queue_commits_max,
            queue_bytes_max,
            ..small()
        };
        let log = open(&Arc::new(MemDisk::new()), options);
        log.create_topic("t", small_topic()).unwrap();
        let pending: Vec<_> = (0..500)
            .map(|_| log.submit(commit("t", [vec![0; 200]])))
            .collect();
        assert!(pending.into_iter().all(|p| p.wait().is_ok()));
    }
}

#[test]
fn without_threads_a_full_queue_is_worked_off_by_whoever_submits() {
    let options = Options {
        threads: false,
        queue_commits_max: 10,
        queue_bytes_max: 1_000,
        ..small()
    };
    let log = open(&Arc::new(MemDisk::new()), options);
    log.create_topic("t", small_topic()).unwrap();
    let pending: Vec<_> = (0..100)
        .map(|_| log.submit(commit("t", [vec![0; 200]])))
        .collect();
    assert!(pending.into_iter().all(|p| p.wait().is_ok()));
}
