//! The log beside the raw disk.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater::SystemClock;
use headwater_log::{Commit, Log, Offset, Options, Pending, Record, TopicConfig, TopicPartition};

use super::disk::RawFile;
use super::figure::Figure;
use super::{keys, memory};
use crate::cli::exit::Outcome;
use crate::cli::style::say;

/// How long each turn of a measurement takes.
const TURN: Duration = Duration::from_millis(500);
/// Turns of each side.
const TURNS: u32 = 4;
/// Commits a second of the steady stream: some more than are wanted.
const PACE: u32 = 110_000;
/// How often it submits what is due.
const TICK: Duration = Duration::from_millis(1);
/// Bytes after which the files of the write-ahead log have been made and are used again and again.
const WAL_BYTES: u64 = 320 << 20;
/// Bytes that are read to measure reading.
const READ_BYTES: u64 = 1 << 30;
const TOPIC: &str = "bench";

/// Measures the log in folders of its own. The steady stream comes first: its memory is the process's.
pub(super) fn measure(dir: &Path) -> Outcome<Vec<Figure>> {
    let mut figures: Vec<Figure> = steady(dir)?.map(Figure::tell).into();
    let log = Log::open_dir(&dir.join("log"), Arc::new(SystemClock), Options::default())?;
    make_wal(&log)?;
    let mut raw = RawFile::make(dir)?;
    figures.extend([
        one_writer(&log, &mut raw)?.tell(),
        in_flight(&log, &mut raw)?.tell(),
        throughput(&log, &mut raw, 100, 0.45)?.tell(),
        throughput(&log, &mut raw, 256, 0.8)?.tell(),
        reading(&log)?.tell(),
    ]);
    figures.extend(flood(&log)?.map(Figure::tell));
    log.close()?;
    figures.extend(keys::measure(dir)?.map(Figure::tell));
    Ok(figures)
}

/// Writes to a topic of its own until the write-ahead log has its files, as the raw disk has the file that is written over.
pub(super) fn make_wal(log: &Log) -> Outcome {
    const RECORDS: usize = 32;
    log.create_topic(TOPIC, TopicConfig::default())?;
    say(format_args!(
        "log: {} MiB written first, so that the files of its write-ahead log are made",
        WAL_BYTES >> 20
    ));
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    for _ in 0..WAL_BYTES / (RECORDS << 10) as u64 {
        waiting.push_back(log.submit(commit(1 << 10, RECORDS)));
        let_go(&mut waiting)?;
    }
    Ok(waiting.into_iter().try_for_each(|p| p.wait().map(drop))?)
}

/// One record a commit, waited for.
fn one_writer(log: &Log, raw: &mut RawFile) -> Outcome<Figure> {
    let (mut ours, mut theirs) = (0, 0);
    for _ in 0..TURNS {
        theirs += raw.sync_for(200, TURN)?;
        let started = Instant::now();
        while started.elapsed() < TURN {
            log.commit(commit(200, 1))?;
            ours += 1;
        }
    }
    let time = (TURN * TURNS).as_secs_f64();
    let name = "log: one writer, one 200-byte record a commit";
    Ok(Figure::ratio(
        name,
        f64::from(ours) / time,
        theirs as f64 / time,
        "commits/s",
        0.9,
    ))
}

/// Many commits on their way at a time.
fn in_flight(log: &Log, raw: &mut RawFile) -> Outcome<Figure> {
    const WINDOW: usize = 256;
    let (mut ours, mut theirs) = (0, 0);
    for _ in 0..TURNS {
        theirs += raw.sync_for(64 << 10, TURN)?;
        ours += keep_in_flight(log, WINDOW, TURN, || commit(200, 1))?;
    }
    let time = (TURN * TURNS).as_secs_f64();
    let reference = WINDOW as f64 * theirs as f64 / time;
    let name = "log: 256 commits of a 200-byte record in flight";
    Ok(Figure::ratio(
        name,
        ours as f64 / time,
        reference,
        "commits/s",
        0.6,
    ))
}

/// Batches of 1 KiB records, beside writes of as many bytes with as many syncs.
fn throughput(log: &Log, raw: &mut RawFile, records: usize, least: f64) -> Outcome<Figure> {
    const WINDOW: usize = 64;
    const MIB: f64 = 1048576.0;
    let batch = records << 10;
    let (mut ours, mut theirs, mut raw_bytes) = (0, 0, 0);
    for _ in 0..TURNS {
        let before = log.stats();
        ours += keep_in_flight(log, WINDOW, TURN, || commit(1 << 10, records))?;
        let groups = (log.stats().groups - before.groups).max(1);
        let commits = keep_in_flight(log, WINDOW, TURN, || commit(1 << 10, records))?;
        ours += commits;
        let group = (commits as usize * batch / groups as usize).clamp(batch, 8 << 20);
        theirs += raw.sync_for(group, TURN * 2)?;
        raw_bytes = group;
    }
    let time = (TURN * TURNS * 2).as_secs_f64();
    let name = format!("log: 1 KiB records in batches of {records}");
    let rate = ours as f64 * batch as f64 / MIB / time;
    let reference = theirs as f64 * raw_bytes as f64 / MIB / time;
    Ok(Figure::ratio(name, rate, reference, "MiB/s", least))
}

/// Fetching from the page cache.
fn reading(log: &Log) -> Outcome<Figure> {
    let of = TopicPartition::new(TOPIC, 0);
    let end = log.bounds(&of)?.end;
    // The first pass brings the files into the page cache.
    for is_warm in [false, true] {
        let started = Instant::now();
        let (mut at, mut bytes) = (log.bounds(&of)?.start, 0_u64);
        while at < end && bytes < READ_BYTES {
            let fetched = log.fetch(&of, at, 4 << 20)?;
            bytes += fetched
                .batches
                .iter()
                .map(|b| b.bytes().len() as u64)
                .sum::<u64>();
            at = fetched.batches.last().map_or(end, |b| b.next_offset());
        }
        if is_warm {
            let rate = bytes as f64 / 1e9 / started.elapsed().as_secs_f64();
            return Ok(Figure::at_least(
                "log: sequential read from the page cache",
                rate,
                1.0,
                "GB/s",
            ));
        }
    }
    Ok(Figure::at_least(
        "log: sequential read from the page cache",
        0.0,
        1.0,
        "GB/s",
    ))
}

/// A steady stream of commits, and what the process takes of memory for it.
fn steady(dir: &Path) -> Outcome<[Figure; 2]> {
    let dir = dir.join("steady");
    let log = Log::open_dir(&dir, Arc::new(SystemClock), Options::default())?;
    log.create_topic(TOPIC, TopicConfig::default())?;
    memory::forget_peak();
    let (commits, took) = keep_pace(&log, PACE, TURN * TURNS)?;
    let memory = memory::peak_mib();
    log.close()?;
    let name = "log: a steady stream of commits";
    let rate = commits as f64 / took.as_secs_f64();
    Ok([
        Figure::at_least(name, rate, 100_000.0, "commits/s"),
        Figure::at_most("log: memory at that rate", memory, 100.0, "MiB"),
    ])
}

/// As many commits as can be, and what they take of memory.
fn flood(log: &Log) -> Outcome<[Figure; 2]> {
    const WINDOW: usize = 4096;
    memory::forget_peak();
    let time = TURN * TURNS;
    let commits = keep_in_flight(log, WINDOW, time, || commit(200, 1))?;
    let most = commits as f64 / time.as_secs_f64();
    Ok([
        Figure::shown("log: 4096 commits in flight", most, "commits/s"),
        Figure::shown("log: memory at that rate", memory::peak_mib(), "MiB"),
    ])
}

/// Submits so many commits a second for a while, however long they take; gives how many became durable in what time.
fn keep_pace(log: &Log, pace: u32, time: Duration) -> Outcome<(u64, Duration)> {
    let started = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    let (mut submitted, mut durable) = (0, 0);
    while started.elapsed() < time {
        let due = (started.elapsed().as_secs_f64() * f64::from(pace)) as u64;
        while submitted < due {
            waiting.push_back(log.submit(commit(200, 1)));
            submitted += 1;
            durable += let_go(&mut waiting)?;
        }
        durable += let_go(&mut waiting)?;
        std::thread::sleep(TICK);
    }
    for pending in waiting {
        pending.wait()?;
        durable += 1;
    }
    Ok((durable, started.elapsed()))
}

/// Lets go of the commits that are durable; gives how many.
fn let_go(waiting: &mut VecDeque<Pending>) -> Outcome<u64> {
    let mut durable = 0;
    while waiting.front().is_some_and(Pending::is_done)
        && let Some(first) = waiting.pop_front()
    {
        first.wait()?;
        durable += 1;
    }
    Ok(durable)
}

/// Keeps so many commits on their way for a while; gives how many became durable.
fn keep_in_flight(
    log: &Log,
    window: usize,
    time: Duration,
    make: impl Fn() -> Commit,
) -> Outcome<u64> {
    let started = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::with_capacity(window);
    let mut durable = 0;
    while started.elapsed() < time {
        if waiting.len() == window
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
            durable += 1;
        }
        waiting.push_back(log.submit(make()));
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(durable)
}

/// A commit of records of so many bytes.
pub(super) fn commit(bytes: usize, records: usize) -> Commit {
    static VALUE: [u8; 1 << 10] = [b'x'; 1 << 10];
    let record = Record {
        value: Some(Bytes::from_static(&VALUE[..bytes.min(VALUE.len())])),
        ..Record::default()
    };
    Commit::new().append(TopicPartition::new(TOPIC, 0), vec![record; records])
}

/// The topic of the measurements, and that it is empty.
pub(super) fn fill(log: &Log, bytes: u64) -> Outcome {
    const RECORDS: usize = 1024;
    log.create_topic(TOPIC, TopicConfig::default())?;
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    for _ in 0..bytes.div_ceil((RECORDS << 10) as u64) {
        if waiting.len() == 16
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
        waiting.push_back(log.submit(commit(1 << 10, RECORDS)));
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(())
}

/// Reads the last record, to see that an opened log is whole.
pub(super) fn end(log: &Log) -> Outcome<Offset> {
    Ok(log.bounds(&TopicPartition::new(TOPIC, 0))?.end)
}
