//! `verify` finds damage and says where.

use std::sync::Arc;

use headwater_log::simulation::FaultyDisk;
use headwater_log::{Disk, ErrorKind, Log, OpenMode, Options, TopicConfig, verify, verify_dir};

use crate::support::{clock, commit, small};

fn filled(disk: &FaultyDisk) {
    let options = Options {
        threads: false,
        ..small()
    };
    let log = Log::open(Arc::new(disk.clone()) as Arc<dyn Disk>, clock(), options).unwrap();
    let config = TopicConfig {
        segment_bytes: 10_000,
        ..TopicConfig::default()
    };
    log.create_topic("t", config).unwrap();
    for i in 0..200 {
        log.commit(commit("t", [vec![i; 150]])).unwrap();
    }
    log.checkpoint().unwrap();
    for i in 0..10 {
        log.commit(commit("t", [vec![i; 150]])).unwrap();
    }
    std::mem::forget(log);
}

fn flip(disk: &FaultyDisk, path: &str, at: u64) {
    let file = disk.open(path, OpenMode::Write).unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, at).unwrap();
    file.write_at(&[byte[0] ^ 4], at).unwrap();
}

#[test]
fn a_sound_log_is_found_sound() {
    let disk = FaultyDisk::new(1);
    filled(&disk);
    let report = verify(Arc::new(disk)).unwrap();
    assert_eq!(report.findings, []);
    assert_eq!((report.records, report.last_commit), (200, 211));
}

#[test]
fn damage_in_a_segment_is_found_with_its_offset() {
    let disk = FaultyDisk::new(1);
    filled(&disk);
    let path = "topics/t.1/0/00000000000000000000-0.log";
    flip(&disk, path, 500);
    let report = verify(Arc::new(disk)).unwrap();
    let [finding] = &report.findings[..] else {
        panic!("{:?}", report.findings);
    };
    let of = finding.of.as_ref().unwrap();
    assert_eq!(
        (finding.file.as_str(), of.to_string().as_str()),
        (path, "t/0")
    );
    assert_eq!(finding.offset.unwrap().0, 500 / finding.at.max(1) + 1);
    assert!(finding.at <= 500 && finding.at + 300 > 500, "{finding:?}");
}

#[test]
fn damage_in_an_index_in_the_write_ahead_log_and_in_the_checkpoint_is_found() {
    let disk = FaultyDisk::new(1);
    filled(&disk);
    let wal = disk.list("wal").unwrap();
    let newest = format!("wal/{}", wal.iter().max().unwrap());
    for (path, at) in [
        ("topics/t.1/0/00000000000000000000-0.index", 40),
        (newest.as_str(), 4_400),
        ("checkpoint", 100),
    ] {
        flip(&disk, path, at);
        let report = verify(Arc::new(disk.clone())).unwrap();
        let found = report.findings.iter().any(|f| f.file == path && f.at <= at);
        flip(&disk, path, at);
        if path != newest {
            assert!(found, "{path}: {:?}", report.findings);
        }
    }
    assert!(verify(Arc::new(disk)).unwrap().is_sound());
}

#[test]
fn a_missing_checkpoint_and_a_missing_segment_are_found_and_refused_and_nothing_is_deleted() {
    for path in ["checkpoint", "topics/t.1/0/00000000000000000000-0.log"] {
        let disk = FaultyDisk::new(1);
        filled(&disk);
        disk.remove(path).unwrap();
        let files = |dir: &str| disk.list(dir).unwrap().len();
        let before = (files("topics/t.1/0"), files("wal"));
        let report = verify(Arc::new(disk.clone())).unwrap();
        assert_eq!(report.findings[0].file, path);
        let opened = Log::open(Arc::new(disk.clone()), clock(), small());
        assert_eq!(opened.unwrap_err().kind(), ErrorKind::Corrupt);
        assert_eq!((files("topics/t.1/0"), files("wal")), before);
    }
}

#[test]
fn a_directory_without_a_log_is_not_made_into_one() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(
        verify_dir(dir.path()).unwrap_err().kind(),
        ErrorKind::NotFound
    );
    assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    let missing = verify_dir(&dir.path().join("missing")).unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::Unavailable);
}
