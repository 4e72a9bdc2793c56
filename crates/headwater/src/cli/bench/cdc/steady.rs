//! Changes at a steady rate, each transaction at its time whatever becomes of those before: how long after its commit a change is
//! durable in the topic, and what memory that takes.

use std::thread;
use std::time::{Duration, Instant};

use headwater_log::{Log, TopicPartition};

use super::super::disk::RawFile;
use super::super::figure::{Figure, quantile_ms};
use super::super::memory::{forget_peak, peak_mib};
use super::capturing::Capturing;
use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// Transactions, of which the first are not measured.
const TRANSACTIONS: usize = 5_500;
const WARM_UP: usize = 500;
/// Changes of one.
pub(super) const TOGETHER: usize = 10;
/// Time from one to the next: 5,000 changes a second.
const INTERVAL: Duration = Duration::from_millis(2);
/// Syncs of the raw file, before and again after, of what a commit is written as.
const SYNCS: usize = 1_000;
const SYNC_BYTES: usize = 4 << 10;
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn measure(bench: &Bench<'_>) -> Outcome<Vec<Figure>> {
    let mut raw = RawFile::make(bench.dir)?;
    let mut syncs = raw.sync_times(SYNC_BYTES, SYNCS)?;
    bench.run(
        "CREATE TABLE steady (id bigint PRIMARY KEY, k int NOT NULL, status text, at timestamptz)",
    )?;
    let capturing = Capturing::of(bench, "steady", "steady", true)?;
    let (_, capture) = capturing.reach(&bench.address.log_end()?)?;
    forget_peak();
    let watcher = {
        let (log, topic) = (capturing.log.clone(), capturing.topic());
        thread::spawn(move || watch(&log, &topic))
    };
    let committed = write(bench, "steady", TRANSACTIONS, INTERVAL)?;
    let durable = watcher.join();
    let durable = durable.map_err(|_| Failure::failed("reading the topic panicked"))??;
    let memory = peak_mib();
    capture.stop();
    syncs.extend(raw.sync_times(SYNC_BYTES, SYNCS)?);
    let mut took = latencies(&committed, &durable);
    let mut quantile = |q| quantile_ms(&mut took, q);
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    let raw99 = quantile_ms(&mut syncs, 0.99);
    let name = "cdc: commit to durable at 5,000 changes/s";
    let figures = [
        Figure::shown("cdc: raw sync, p99", raw99, "ms"),
        Figure::shown(format!("{name}, p50"), p50, "ms"),
        Figure::at_most(format!("{name}, p99"), p99, 3.0 * raw99 + 15.0, "ms"),
        Figure::at_most("cdc: memory while streaming", memory, 100.0, "MiB"),
    ];
    capturing.remove()?;
    Ok(figures.into_iter().map(Figure::tell).collect())
}

/// Writes transactions of [`TOGETHER`] rows, each at its time; gives when the server said that they were committed.
pub(super) fn write(
    bench: &Bench<'_>,
    table: &str,
    transactions: usize,
    interval: Duration,
) -> Outcome<Vec<Instant>> {
    let mut session = bench.connect()?;
    let mut committed = Vec::with_capacity(transactions);
    let started = Instant::now();
    for at in 0..transactions {
        let due = interval * at as u32;
        thread::sleep(due.saturating_sub(started.elapsed()));
        let first = at * TOGETHER;
        session.query(&format!(
            "INSERT INTO {table} SELECT n, n % 100, 'in progress', now() FROM generate_series({first}, {}) n",
            first + TOGETHER - 1
        ))?;
        committed.push(Instant::now());
    }
    Ok(committed)
}

/// How many records are durable, and when that was seen, up to the last one.
fn watch(log: &Log, topic: &TopicPartition) -> Outcome<Vec<(usize, Instant)>> {
    let mut durable: Vec<(usize, Instant)> = Vec::new();
    loop {
        let before = log.last_commit();
        let end = log.bounds(topic)?.end.0 as usize;
        if durable.last().is_none_or(|(known, _)| *known < end) {
            durable.push((end, Instant::now()));
        }
        if end >= TRANSACTIONS * TOGETHER {
            return Ok(durable);
        }
        if durable
            .last()
            .is_some_and(|(_, at)| at.elapsed() > PATIENCE)
        {
            return Err(Failure::failed("the topic does not grow any more"));
        }
        log.wait_for_commit(before, PATIENCE);
    }
}

/// How long each transaction took; one whose records are read before the server's answer is counts as at once.
fn latencies(committed: &[Instant], durable: &[(usize, Instant)]) -> Vec<Duration> {
    let took = |(at, committed): (usize, &Instant)| {
        let reached = durable.partition_point(|(end, _)| *end < (at + 1) * TOGETHER);
        let (_, seen) = durable.get(reached)?;
        Some(seen.saturating_duration_since(*committed))
    };
    let all = committed.iter().enumerate().skip(WARM_UP);
    all.filter_map(took).collect()
}
