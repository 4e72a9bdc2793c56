//! The files of the write-ahead log over many openings.

use std::sync::Arc;

use headwater_log::simulation::FaultyDisk;
use headwater_log::{
    Disk, ErrorKind, Log, MemDisk, OpenMode, Options, TopicConfig, TopicPartition, verify,
};

use crate::support::{clock, commit, read_all, small};

#[test]
fn a_directory_that_is_opened_for_one_commit_at_a_time_keeps_a_small_write_ahead_log() {
    let disk: Arc<dyn Disk> = Arc::new(FaultyDisk::new(1));
    for round in 0..20_u8 {
        let log = Log::open(Arc::clone(&disk), clock(), Options::default()).unwrap();
        if round == 0 {
            log.create_topic("t", TopicConfig::default()).unwrap();
        }
        log.commit(commit("t", [vec![round]])).unwrap();
        log.close().unwrap();
    }
    let names = disk.list("wal").unwrap();
    let sizes = names.iter().map(|name| {
        let file = disk.open(&format!("wal/{name}"), OpenMode::Read).unwrap();
        file.size().unwrap()
    });
    let bytes: u64 = sizes.sum();
    assert!(bytes <= 8 << 20, "{bytes} bytes in {names:?}");
    let log = Log::open(disk, clock(), Options::default()).unwrap();
    let values = read_all(&log, &TopicPartition::new("t", 0));
    assert_eq!(values.len(), 20);
}

/// Makes the first write-ahead file one of version 1.
fn age(disk: &FaultyDisk) -> String {
    let names = disk.list("wal").unwrap();
    let path = format!("wal/{}", names.iter().min().unwrap());
    let file = disk.open(&path, OpenMode::Write).unwrap();
    let mut header = [0; 28];
    file.read_at(&mut header, 0).unwrap();
    header[7] = 1;
    let crc = crc_fast::checksum(crc_fast::CrcAlgorithm::Crc32Iscsi, &header[..24]) as u32;
    header[24..].copy_from_slice(&crc.to_le_bytes());
    file.write_at(&header, 0).unwrap();
    path
}

#[test]
fn a_write_ahead_file_of_another_version_is_refused_by_name() {
    let disk = FaultyDisk::new(1);
    // The first frame of a file asks for a checkpoint, which without threads is there before the commit comes.
    let options = Options {
        threads: false,
        ..small()
    };
    let log = Log::open(Arc::new(disk.clone()), clock(), options).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.commit(commit("t", ["x"])).unwrap();
    std::mem::forget(log);
    let path = age(&disk);
    let error = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains(&path), "{error}");
    let report = verify(Arc::new(disk)).unwrap();
    let [finding] = &report.findings[..] else {
        panic!("{:?}", report.findings);
    };
    assert_eq!((finding.file.as_str(), finding.at), (path.as_str(), 7));
    assert!(finding.what.contains("has version 1"), "{}", finding.what);
}

#[test]
fn a_write_ahead_file_of_another_version_is_nothing_to_a_log_that_was_closed() {
    let disk = FaultyDisk::new(1);
    let log = Log::open(Arc::new(disk.clone()), clock(), small()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.close().unwrap();
    age(&disk);
    let log = Log::open(Arc::new(disk), clock(), small()).unwrap();
    log.commit(commit("t", ["x"])).unwrap();
    log.close().unwrap();
}

#[test]
fn opening_and_closing_without_writing_leaves_room_in_the_write_ahead_log() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let log = Log::open(disk.clone(), clock(), small()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.commit(commit("t", [vec![1; 10]])).unwrap();
    drop(log);
    for _ in 0..50 {
        let log = Log::open(disk.clone(), clock(), small()).unwrap();
        assert_eq!(read_all(&log, &TopicPartition::new("t", 0)).len(), 1);
        log.close().unwrap();
    }
    let files = disk.list("wal").unwrap();
    assert!(files.len() <= 3, "{files:?}");
    let log = Log::open(disk.clone(), clock(), small()).unwrap();
    log.commit(commit("t", [vec![2; 10]])).unwrap();
    assert_eq!(read_all(&log, &TopicPartition::new("t", 0)).len(), 2);
}

#[test]
fn a_write_ahead_file_that_was_not_finished_is_not_used() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let log = Log::open(disk.clone(), clock(), small()).unwrap();
    log.create_topic("t", TopicConfig::default()).unwrap();
    log.close().unwrap();
    // As a power cut leaves it while it is filled with zeroes.
    let short = disk.open("wal/0000000090.wal", OpenMode::Create).unwrap();
    short.write_at(&[0; 5000], 0).unwrap();
    for _ in 0..5 {
        let log = Log::open(disk.clone(), clock(), small()).unwrap();
        log.commit(commit("t", ["x"])).unwrap();
        log.close().unwrap();
    }
    for name in disk.list("wal").unwrap() {
        let file = disk.open(&format!("wal/{name}"), OpenMode::Read).unwrap();
        let bytes = file.size().unwrap();
        assert!(bytes >= small().wal_file_bytes, "{bytes} bytes in {name}");
    }
}
