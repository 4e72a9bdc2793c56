//! `verify` finds damage and says where.

use std::sync::Arc;

use headwater_log::simulation::FaultyDisk;
use headwater_log::{
    Commit, Disk, ErrorKind, Log, OpenMode, Options, TopicConfig, TopicPartition, verify,
    verify_dir,
};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::support::{clock, commit, record, small};

fn filled(disk: &FaultyDisk) {
    filled_as(disk, TopicConfig::default());
}

fn filled_as(disk: &FaultyDisk, config: TopicConfig) {
    let options = Options {
        threads: false,
        ..small()
    };
    let log = Log::open(Arc::new(disk.clone()) as Arc<dyn Disk>, clock(), options).unwrap();
    let config = TopicConfig {
        segment_bytes: 10_000,
        ..config
    };
    log.create_topic("t", config).unwrap();
    for i in 0..200 {
        let mut record = record(vec![i; 150]);
        record.key = Some(vec![i % 16].into());
        let to = TopicPartition::new("t", 0);
        log.commit(Commit::new().append(to, [record])).unwrap();
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

/// The files below a directory.
fn paths(disk: &FaultyDisk, dir: &str, into: &mut Vec<String>) {
    for name in disk.list(dir).unwrap() {
        let path = format!("{dir}/{name}");
        match disk.open(&path, OpenMode::Read) {
            Ok(_) => into.push(path),
            Err(_) => paths(disk, &path, into),
        }
    }
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

/// Bytes of each batch that [`filled`] makes.
const BATCH_BYTES: u64 = 221;

#[test]
fn a_flipped_bit_in_any_kind_of_file_is_found_with_its_place() {
    let seed = 7;
    let mut rng = StdRng::seed_from_u64(seed);
    let disk = FaultyDisk::new(1);
    let config = TopicConfig {
        key_index: true,
        ..TopicConfig::default()
    };
    filled_as(&disk, config);
    // All in segments, so that no byte of them is left to be written again.
    let options = Options {
        threads: false,
        ..small()
    };
    let log = Log::open(Arc::new(disk.clone()), clock(), options).unwrap();
    log.checkpoint().unwrap();
    std::mem::forget(log);
    assert_eq!(verify(Arc::new(disk.clone())).unwrap().findings, []);
    let mut all = vec!["checkpoint".to_owned()];
    paths(&disk, "topics", &mut all);
    for kind in ["checkpoint", ".log", ".index", ".keys"] {
        let files: Vec<_> = all.iter().filter(|path| path.ends_with(kind)).collect();
        assert!(!files.is_empty(), "no {kind} in {all:?}");
        for _ in 0..40 {
            let path = files[rng.random_range(0..files.len())];
            let size = disk.open(path, OpenMode::Read).unwrap().size().unwrap();
            let at = rng.random_range(0..size);
            // The batches are of one length; the epoch of the leader is in no checksum of the format.
            if kind == ".log" && (12..16).contains(&(at % BATCH_BYTES)) {
                continue;
            }
            flip(&disk, path, at);
            let report = verify(Arc::new(disk.clone())).unwrap();
            let found = report
                .findings
                .iter()
                .any(|f| f.file == *path && f.at <= at);
            assert!(
                found,
                "seed {seed}, byte {at} of {path}: {:?}",
                report.findings
            );
            flip(&disk, path, at);
        }
    }
}

#[test]
fn a_damaged_header_of_a_write_ahead_file_is_found() {
    let disk = FaultyDisk::new(1);
    filled(&disk);
    // The file that holds frames: damage in one of them is found.
    let paths = disk.list("wal").unwrap().into_iter();
    let mut paths = paths.map(|name| format!("wal/{name}"));
    let finds = |path: &str, at: u64| {
        flip(&disk, path, at);
        let report = verify(Arc::new(disk.clone())).unwrap();
        flip(&disk, path, at);
        report.findings.iter().any(|f| f.file == path && f.at <= at)
    };
    let path = paths.find(|path| finds(path, 0)).unwrap();
    for at in [7, 9, 17, 25, 900] {
        assert!(finds(&path, at), "byte {at} of {path}");
    }
}
