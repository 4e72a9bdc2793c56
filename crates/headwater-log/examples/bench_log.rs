//! Figures of the log beside the raw disk, for work on this crate alone: `cargo run --release -p headwater-log
//! --example bench_log -- DIR [GiB for reopening]`. `headwater bench log` is the complete one.
#![expect(
    clippy::disallowed_methods,
    reason = "an example measures time and makes folders"
)]
#![expect(clippy::print_stdout, reason = "it is a program")]

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

use headwater_log::{
    Commit, Disk, DiskFile, Log, ManualClock, Offset, OpenMode, Options, Pending, RealDisk, Record,
    Timestamp, TopicConfig, TopicPartition,
};

type Done<T = ()> = Result<T, Box<dyn std::error::Error>>;

const TURN: Duration = Duration::from_millis(500);
const TURNS: u32 = 4;

fn main() -> Done {
    let mut args = std::env::args().skip(1);
    let dir = args.next().ok_or("which directory?")?;
    let dir = Path::new(&dir);
    std::fs::create_dir_all(dir)?;
    if let Some(gib) = args.next() {
        return reopen(dir, gib.parse()?);
    }
    let log = open(&dir.join("log"))?;
    log.create_topic("bench", TopicConfig::default())?;
    if let Ok(pace) = std::env::var("PACE") {
        return steady(&log, pace.parse()?);
    }
    if let Ok(shape) = std::env::var("FLOOD") {
        return flood_alone(&log, &shape);
    }
    let raw = Raw::make(dir)?;
    compare("one writer", &raw, 200, 1.0, || {
        flood(&log, 1, TURN, 1, 200)
    })?;
    compare("256 in flight", &raw, 64 << 10, 256.0, || {
        flood(&log, 256, TURN, 1, 200)
    })?;
    for records in [100, 256] {
        let (name, bytes) = (format!("1 KiB x {records}"), records << 10);
        let before = log.stats();
        let rate = flood(&log, 64, TURN * TURNS, records, 1024)?;
        let groups = (log.stats().groups - before.groups).max(1);
        let commits = rate * (TURN * TURNS).as_secs_f64();
        let group = ((commits * bytes as f64 / groups as f64) as usize).clamp(bytes, 8 << 20);
        println!("{name}: {groups} groups of {group} bytes");
        let scale = group as f64 / bytes as f64;
        compare(&name, &raw, group, scale, || {
            flood(&log, 64, TURN, records, 1024)
        })?;
    }
    read(&log)?;
    std::fs::write("/proc/self/clear_refs", "5")?;
    let rate = flood(&log, 4096, TURN * TURNS, 1, 200)?;
    println!("4096 in flight: {rate:.0}/s {}", peak()?);
    Ok(())
}

fn open(dir: &Path) -> Done<Log> {
    let clock = Arc::new(ManualClock::new(Timestamp(0)));
    let Ok(sync) = std::env::var("SYNC_US") else {
        return Ok(Log::open_dir(dir, clock, Options::default())?);
    };
    let disk = Steady {
        disk: RealDisk::locked(dir)?,
        sync: Duration::from_micros(sync.parse()?),
    };
    Ok(Log::open(Arc::new(disk), clock, Options::default())?)
}

/// A folder in memory whose syncs take `SYNC_US`, however many run at a time: real disks sway too much to compare two builds.
#[derive(Debug)]
struct Steady {
    disk: RealDisk,
    sync: Duration,
}

#[derive(Debug)]
struct SteadyFile {
    file: Arc<dyn DiskFile>,
    sync: Duration,
}

impl Disk for Steady {
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>> {
        let (file, sync) = (self.disk.open(path, mode)?, self.sync);
        Ok(Arc::new(SteadyFile { file, sync }))
    }

    fn list(&self, dir: &str) -> io::Result<Vec<String>> {
        self.disk.list(dir)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn sync_dir(&self, dir: &str) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }
}

impl DiskFile for SteadyFile {
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()> {
        self.file.read_at(into, at)
    }

    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()> {
        self.file.write_at(bytes, at)
    }

    fn write_parts(&self, parts: &[&[u8]], at: u64) -> io::Result<()> {
        self.file.write_parts(parts, at)
    }

    fn sync(&self) -> io::Result<()> {
        std::thread::sleep(self.sync);
        self.file.sync()
    }

    fn size(&self) -> io::Result<u64> {
        self.file.size()
    }

    fn reserve(&self, end: u64) -> io::Result<()> {
        self.file.reserve(end)
    }
}

/// So many commits a second for ten seconds, and the memory that the process takes for them.
fn steady(log: &Log, pace: f64) -> Done {
    let started = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    let (mut submitted, mut most) = (0, 0);
    while started.elapsed() < TURN * 20 {
        while f64::from(submitted) < started.elapsed().as_secs_f64() * pace {
            waiting.push_back(log.submit(commit(1, 200)));
            submitted += 1;
        }
        most = most.max(waiting.len());
        while waiting.front().is_some_and(Pending::is_done)
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
        std::thread::sleep(Duration::from_millis(1));
    }
    println!("{submitted} commits, {most} in flight at most, {}", peak()?);
    Ok(())
}

/// The most memory that the process has had.
fn peak() -> Done<String> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let peak = status.lines().find(|l| l.starts_with("VmHWM"));
    Ok(peak.unwrap_or_default().to_owned())
}

/// A flood without anything beside it, for profilers: `FLOOD=window,records,bytes,seconds,turns`.
fn flood_alone(log: &Log, shape: &str) -> Done {
    let shape: Result<Vec<usize>, _> = shape.split(',').map(str::parse).collect();
    let [window, records, bytes, seconds, turns] = shape?[..] else {
        return Err("FLOOD=window,records,bytes,seconds,turns".into());
    };
    let ticks = || -> Done<[f64; 2]> {
        let stat = std::fs::read_to_string("/proc/self/stat")?;
        let mut fields = stat.split(' ').skip(13).map(str::parse::<f64>);
        let mut next = || fields.next().ok_or("no times")?.map_err(|_| "no time");
        Ok([next()?, next()?])
    };
    let time = Duration::from_secs(seconds as u64);
    for _ in 0..turns {
        let (stats, before) = (log.stats(), ticks()?);
        let rate = flood(log, window, time, records, bytes)?;
        let commits = rate * time.as_secs_f64();
        let after = ticks()?;
        let groups = log.stats().groups - stats.groups;
        let each = |i: usize| (after[i] - before[i]) * 1e4 / commits;
        println!(
            "{rate:.0}/s, {:.1} a group, {:.2} us user and {:.2} us system a commit",
            commits / groups as f64,
            each(0),
            each(1)
        );
    }
    Ok(())
}

/// A raw file with its blocks in place.
struct Raw(File);

impl Raw {
    const BYTES: u64 = 64 << 20;

    fn make(dir: &Path) -> Done<Self> {
        let file = File::create(dir.join("raw"))?;
        for at in (0..Self::BYTES).step_by(1 << 20) {
            file.write_all_at(&vec![0; 1 << 20], at)?;
        }
        file.sync_all()?;
        Ok(Self(file))
    }

    /// Syncs per second of writes of so many bytes.
    fn rate(&self, bytes: usize, time: Duration) -> Done<f64> {
        let block = vec![1; bytes];
        let (started, mut syncs, mut at) = (Instant::now(), 0, 0);
        while started.elapsed() < time {
            if at + bytes as u64 > Self::BYTES {
                at = 0;
            }
            self.0.write_all_at(&block, at)?;
            self.0.sync_data()?;
            at += bytes as u64;
            syncs += 1;
        }
        Ok(f64::from(syncs) / started.elapsed().as_secs_f64())
    }
}

/// Turns of the log and of the raw disk, one after the other.
fn compare(
    name: &str,
    raw: &Raw,
    raw_bytes: usize,
    scale: f64,
    log: impl Fn() -> Done<f64>,
) -> Done {
    let (mut ours, mut theirs) = (0.0, 0.0);
    for _ in 0..TURNS {
        theirs += raw.rate(raw_bytes, TURN)? * scale / f64::from(TURNS);
        ours += log()? / f64::from(TURNS);
    }
    println!(
        "{name}: {ours:.0}/s of {theirs:.0}/s = {:.2}",
        ours / theirs
    );
    Ok(())
}

/// A commit of records of so many bytes.
fn commit(records: usize, bytes: usize) -> Commit {
    static VALUE: [u8; 1024] = [7; 1024];
    let record = Record {
        value: Some(Bytes::from_static(&VALUE[..bytes])),
        ..Record::default()
    };
    Commit::new().append(TopicPartition::new("bench", 0), vec![record; records])
}

/// Commits per second with so many in flight.
fn flood(log: &Log, window: usize, time: Duration, records: usize, bytes: usize) -> Done<f64> {
    let started = Instant::now();
    let mut waiting: VecDeque<Pending> = VecDeque::new();
    let mut count = 0;
    while started.elapsed() < time {
        if window == 1 {
            log.commit(commit(records, bytes))?;
            count += 1;
            continue;
        }
        if waiting.len() == window
            && let Some(first) = waiting.pop_front()
        {
            first.wait()?;
        }
        waiting.push_back(log.submit(commit(records, bytes)));
        count += 1;
    }
    for pending in waiting {
        pending.wait()?;
    }
    Ok(f64::from(count) / started.elapsed().as_secs_f64())
}

fn read(log: &Log) -> Done {
    let of = TopicPartition::new("bench", 0);
    for _ in 0..2 {
        let (started, mut at, mut bytes) = (Instant::now(), Offset(0), 0);
        while at < log.bounds(&of)?.end && bytes < 1 << 30 {
            let fetched = log.fetch(&of, at, 4 << 20)?;
            bytes += fetched
                .batches
                .iter()
                .map(|b| b.bytes().len())
                .sum::<usize>();
            at = fetched.batches.last().ok_or("nothing")?.next_offset();
        }
        let rate = bytes as f64 / 1e9 / started.elapsed().as_secs_f64();
        println!("read {} MB at {rate:.2} GB/s", bytes / 1_000_000);
    }
    Ok(())
}

/// Fills a log, leaves it as a kill would, and opens it again.
fn reopen(dir: &Path, gib: usize) -> Done {
    let fill = std::env::var("FILL").is_ok();
    if fill {
        let log = open(&dir.join("big"))?;
        log.create_topic("bench", TopicConfig::partitions(4))?;
        let record = Record {
            value: Some(vec![7; 1024].into()),
            ..Record::default()
        };
        let mut waiting = VecDeque::new();
        for i in 0..gib * 2600 {
            let to = TopicPartition::new("bench", (i % 4) as u32);
            let records = if i % 2 == 0 { 300 } else { 500 };
            waiting.push_back(log.submit(Commit::new().append(to, vec![record.clone(); records])));
            if waiting.len() > 16
                && let Some(first) = waiting.pop_front()
            {
                Pending::wait(first)?;
            }
        }
        for pending in waiting {
            pending.wait()?;
        }
        std::process::exit(9);
    }
    let started = Instant::now();
    let log = open(&dir.join("big"))?;
    println!("opened in {:?}", started.elapsed());
    println!(
        "{:?} {:?}",
        log.last_commit(),
        log.bounds(&TopicPartition::new("bench", 0))?
    );
    std::mem::forget(log);
    Ok(())
}
