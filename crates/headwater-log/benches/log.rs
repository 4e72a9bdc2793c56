//! What the log does for appends, reads and openings, on a disk in memory: its own work, without the disk's.
//! `cargo bench -p headwater-log`; `headwater bench log` measures the whole on a real one.

use std::sync::Arc;

use bytes::Bytes;
use divan::counter::{BytesCount, ItemsCount};
use divan::{Bencher, black_box};
use headwater_log::{
    Cleanup, Commit, Disk, Log, ManualClock, MemDisk, Offset, Options, Pending, Record, Result,
    Timestamp, TopicConfig, TopicPartition,
};

static VALUE: [u8; 200] = [7; 200];
/// Records of the logs that are read and opened.
const RECORDS: usize = 10_000;
/// Records of each commit of those.
const BATCH: usize = 100;

fn main() {
    divan::main();
}

fn open(disk: &Arc<dyn Disk>, threads: bool) -> Result<Log> {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let options = Options {
        threads,
        ..Options::default()
    };
    Log::open(Arc::clone(disk), clock, options)
}

/// A log with a topic that keeps so little that any number of appends fits into memory.
fn empty(disk: &Arc<dyn Disk>, threads: bool) -> Result<Log> {
    let log = open(disk, threads)?;
    let config = TopicConfig {
        segment_bytes: 8 << 20,
        cleanup: Cleanup {
            retention_bytes: Some(32 << 20),
            ..Cleanup::default()
        },
        ..TopicConfig::default()
    };
    log.create_topic("bench", config)?;
    Ok(log)
}

fn memory() -> Arc<dyn Disk> {
    Arc::new(MemDisk::new())
}

fn topic() -> TopicPartition {
    TopicPartition::new("bench", 0)
}

fn commit(records: usize) -> Commit {
    let record = Record {
        value: Some(Bytes::from_static(&VALUE)),
        ..Record::default()
    };
    Commit::new().append(topic(), vec![record; records])
}

/// Fills a log with all [`RECORDS`].
fn fill(log: &Log) -> Result<()> {
    let commits = (0..RECORDS / BATCH).map(|_| log.submit(commit(BATCH)));
    let pending: Vec<Pending> = commits.collect();
    pending.into_iter().try_for_each(|p| p.wait().map(drop))
}

/// One commit, waited for, before the next.
#[divan::bench(args = [1, 100])]
fn append(bencher: Bencher<'_, '_>, records: usize) {
    let log = empty(&memory(), true).expect("memory has room");
    let bencher = bencher.counter(ItemsCount::new(records));
    bencher
        .with_inputs(|| commit(records))
        .bench_local_values(|commit| log.commit(commit).expect("memory has room"));
}

/// Commits of one record that are on their way together.
#[divan::bench(args = [256])]
fn group(bencher: Bencher<'_, '_>, commits: usize) {
    let log = empty(&memory(), true).expect("memory has room");
    let bencher = bencher.counter(ItemsCount::new(commits));
    bencher.bench_local(|| {
        let pending: Vec<Pending> = (0..commits).map(|_| log.submit(commit(1))).collect();
        for pending in pending {
            pending.wait().expect("memory has room");
        }
    });
}

/// All records from the files, batch by batch and record by record.
#[divan::bench]
fn read(bencher: Bencher<'_, '_>) {
    let disk = memory();
    empty(&disk, true)
        .and_then(|log| fill(&log))
        .expect("memory has room");
    let log = open(&disk, true).expect("the log was closed");
    let bencher = bencher.counter(BytesCount::new(RECORDS * VALUE.len()));
    bencher.bench_local(|| {
        let end = log.bounds(&topic()).expect("the topic is there").end;
        let (mut at, mut bytes) = (Offset(0), 0);
        while at < end {
            let fetched = log.fetch(&topic(), at, 1 << 20).expect("it is there");
            for batch in &fetched.batches {
                let add = |r: headwater_log::RecordRef<'_>| bytes += r.value.map_or(0, <[u8]>::len);
                batch.for_each(add).expect("it is whole");
                at = batch.next_offset();
            }
        }
        assert_eq!(bytes, RECORDS * VALUE.len());
        black_box(bytes)
    });
}

/// A disk with a log that was never closed.
fn killed() -> Arc<dyn Disk> {
    let disk = memory();
    let log = empty(&disk, false).expect("memory has room");
    fill(&log).expect("memory has room");
    std::mem::forget(log);
    disk
}

/// Opening a log whose process was killed: what is behind the checkpoint is read.
#[divan::bench(sample_count = 20, sample_size = 1)]
fn reopen(bencher: Bencher<'_, '_>) {
    let bencher = bencher.counter(BytesCount::new(RECORDS * VALUE.len()));
    bencher.with_inputs(killed).bench_local_values(|disk| {
        let log = open(&disk, false).expect("the log is whole");
        let end = log.bounds(&topic()).expect("the topic is there").end;
        assert_eq!(end, Offset(RECORDS as u64));
        log
    });
}
