//! Reads by key of records that lie scattered: from memory and files, with and without room to remember what was read.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::simulation::FaultyDisk;
use headwater_log::{
    Codec, Commit, Direction, Disk, ErrorKind, Header, KeyedRecord, Log, Offset, OpenMode, Options,
    Query, QueryItem, ReadKey, Record, TopicConfig, TopicPartition,
};

use crate::support::{clock, read_all, small};

const KEYS: u64 = 40;
const ROUNDS: u64 = 30;

fn of() -> TopicPartition {
    TopicPartition::new("t", 0)
}

fn key(n: u64) -> Bytes {
    format!("key-{n}").into()
}

fn value(key: u64, round: u64) -> Bytes {
    format!("{key} in round {round} {:x>100}", "").into()
}

fn open(disk: &FaultyDisk, read_cache_bytes: usize) -> Log {
    let options = Options {
        threads: false,
        read_cache_bytes,
        ..small()
    };
    Log::open(Arc::new(disk.clone()) as Arc<dyn Disk>, clock(), options).unwrap()
}

/// Each round gives every key one record, in one commit.
fn fill(log: &Log, compression: Codec) {
    let config = TopicConfig {
        key_index: true,
        segment_bytes: 20_000,
        compression,
        ..TopicConfig::default()
    };
    log.create_topic("t", config).unwrap();
    for round in 0..ROUNDS {
        let record = |n| Record {
            key: Some(key(n)),
            value: Some(value(n, round)),
            headers: vec![Header {
                key: "tag".to_owned(),
                value: Some(format!("tag-{}", n % 4).into()),
            }],
            ..Record::default()
        };
        let commit = Commit::new().append(of(), (0..KEYS).map(record));
        log.commit(commit).unwrap();
    }
}

fn check(log: &Log) {
    for direction in [Direction::Forward, Direction::Backward] {
        for n in 0..KEYS {
            let read = ReadKey {
                direction,
                ..ReadKey::default()
            };
            let found = log.read_key(&of(), &key(n), read).unwrap();
            let rounds: Vec<u64> = match direction {
                Direction::Forward => (0..ROUNDS).collect(),
                Direction::Backward => (0..ROUNDS).rev().collect(),
            };
            let seen = |f: &KeyedRecord| (f.version.0, f.offset.0, f.record.value.clone());
            let found: Vec<_> = found.iter().map(seen).collect();
            let expected = rounds.iter();
            let expected = expected.map(|r| (*r, r * KEYS + n, Some(value(n, *r))));
            assert_eq!(found, expected.collect::<Vec<_>>());
        }
    }
    let item = QueryItem {
        types: Vec::new(),
        tags: vec!["tag-3".to_owned()],
    };
    let query = Query { items: vec![item] };
    let found = log.query("t", &query, Offset(0), usize::MAX).unwrap();
    let tagged = found.records.iter().map(|f| f.offset.0);
    let expected = (0..ROUNDS * KEYS).filter(|offset| offset % KEYS % 4 == 3);
    assert!(tagged.eq(expected));
}

#[test]
fn scattered_records_are_read_alike_from_memory_and_files_whatever_is_remembered() {
    for codec in [Codec::None, Codec::Lz4, Codec::Zstd] {
        for read_cache_bytes in [0, 120_000, 1 << 20] {
            let disk = FaultyDisk::new(1);
            let log = open(&disk, read_cache_bytes);
            fill(&log, codec);
            check(&log);
            log.checkpoint().unwrap();
            check(&log);
            drop(log);
            let log = open(&disk, read_cache_bytes);
            check(&log);
            check(&log);
            let remembered = log.stats().read_cache_bytes as usize;
            assert!(remembered <= read_cache_bytes, "{remembered} bytes");
            let batches = usize::from(read_cache_bytes > 0);
            assert!(remembered >= batches * 20_000, "{remembered} bytes");
        }
    }
}

#[test]
fn a_damaged_batch_is_reported_each_time_and_others_are_read() {
    let disk = FaultyDisk::new(2);
    let log = open(&disk, 1 << 20);
    fill(&log, Codec::None);
    log.close().unwrap();
    let log = open(&disk, 1 << 20);
    let files = disk.list("topics").unwrap();
    let dir = format!("topics/{}/0", files[0]);
    let mut segments = disk.list(&dir).unwrap();
    segments.retain(|name| name.ends_with(".log"));
    segments.sort();
    let file = disk
        .open(&format!("{dir}/{}", segments[0]), OpenMode::Write)
        .unwrap();
    let mut byte = [0];
    file.read_at(&mut byte, 100).unwrap();
    file.write_at(&[byte[0] ^ 4], 100).unwrap();
    for _ in 0..2 {
        let error = log
            .read_key(&of(), &key(0), ReadKey::default())
            .unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains(&segments[0]), "{error}");
    }
    let read = ReadKey {
        direction: Direction::Backward,
        limit: 10,
        ..ReadKey::default()
    };
    assert_eq!(log.read_key(&of(), &key(0), read).unwrap().len(), 10);
}

/// Its batches lie in memory that is used again, and go straight to their segments.
#[test]
fn appends_of_many_batches_are_read_whole_and_by_key_also_after_a_loss_of_power() {
    const RECORDS: u64 = 6_000;
    for codec in [Codec::None, Codec::Lz4] {
        let disk = FaultyDisk::new(3);
        let open = |disk: &FaultyDisk| {
            let options = Options {
                threads: false,
                ..Options::default()
            };
            Log::open(Arc::new(disk.clone()) as Arc<dyn Disk>, clock(), options).unwrap()
        };
        let log = open(&disk);
        let config = TopicConfig {
            key_index: true,
            compression: codec,
            ..TopicConfig::default()
        };
        log.create_topic("t", config).unwrap();
        let record = |round: u64, n: u64| Record {
            key: Some(key(n)),
            value: Some(value(n, round).repeat(2).into()),
            ..Record::default()
        };
        for round in 0..3 {
            let records = (0..RECORDS).map(|n| record(round, n));
            log.commit(Commit::new().append(of(), records)).unwrap();
        }
        let check = |log: &Log| {
            let all = read_all(log, &of());
            let expected = (0..3).flat_map(|round| (0..RECORDS).map(move |n| record(round, n)));
            let expected = expected.map(|r| r.value.unwrap());
            assert!(all.into_iter().map(|(_, _, value)| value).eq(expected));
            for n in [0, 1, RECORDS / 2, RECORDS - 1] {
                let found = log.read_key(&of(), &key(n), ReadKey::default()).unwrap();
                let found: Vec<_> = found.iter().map(|f| (f.version.0, f.offset.0)).collect();
                assert_eq!(found, [(0, n), (1, RECORDS + n), (2, 2 * RECORDS + n)]);
            }
        };
        check(&log);
        let crashed = disk.crash();
        drop(log);
        check(&open(&crashed));
    }
}
