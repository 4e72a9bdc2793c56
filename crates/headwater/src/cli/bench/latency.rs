//! How long it takes from the call that appends a record until the row of a materialised view that it changed has been read,
//! durably. Records come at a steady rate whatever becomes of those before. What a query of that view takes is shown too.

use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use bytes::Bytes;
use headwater::{Answer, Headwater, Offset, Record};
use headwater_log::{Commit, Pending, TopicPartition};
use serde::Deserialize;

use super::disk::RawFile;
use super::figure::{Figure, quantile_ms};
use crate::cli::exit::{Failure, Outcome};

/// Records.
const RECORDS: usize = 10_000;
/// Records before those, for which nothing is measured.
const WARM_UP: usize = 1_000;
/// Time from one to the next.
const INTERVAL: Duration = Duration::from_millis(1);
/// Keys of the view.
const KEYS: usize = 100;
/// Syncs of the raw file, before and again after.
const SYNCS: usize = 1_000;
/// Bytes of each: what a commit of one record is written as.
const SYNC_BYTES: usize = 4 << 10;
/// Queries of the view.
const QUERIES: usize = 50;
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(30);

const READINGS: &str = "readings";
const LATEST: &str = "latest";

/// Measures it in a folder.
pub(super) fn measure(dir: &Path) -> Outcome<Vec<Figure>> {
    let mut raw = RawFile::make(dir)?;
    let mut syncs = raw.sync_times(SYNC_BYTES, SYNCS)?;
    let headwater = Headwater::open(dir.join("latency"))?;
    headwater.sql(&format!(
        "CREATE TABLE {READINGS} (id BIGINT, k INT);
         CREATE MATERIALIZED VIEW {LATEST} AS
            SELECT k, COUNT(*) AS n, MAX(id) AS id FROM {READINGS} GROUP BY k;"
    ))?;
    let shown = {
        let headwater = headwater.clone();
        thread::spawn(move || watch(&headwater))
    };
    let appended = append(&headwater)?;
    let shown = shown.join();
    let shown = shown.map_err(|_| Failure::failed("reading the view panicked"))??;
    let mut queries = queries(&headwater)?;
    headwater.close()?;
    syncs.extend(raw.sync_times(SYNC_BYTES, SYNCS)?);
    let mut latencies = latencies(&appended, &shown);
    let mut figures = figures(&mut latencies, &mut syncs);
    let name = format!("latency: SELECT over that view of {KEYS} keys, p50");
    figures.push(Figure::shown(name, quantile_ms(&mut queries, 0.5), "ms").tell());
    Ok(figures)
}

fn figures(latencies: &mut [Duration], syncs: &mut [Duration]) -> Vec<Figure> {
    let mut quantile = |q| quantile_ms(latencies, q);
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    let (raw50, raw99) = (quantile_ms(syncs, 0.5), quantile_ms(syncs, 0.99));
    let name = "latency: append to view at 1,000 records/s";
    let most = 3.0 * raw99 + 20.0;
    let figures = [
        Figure::shown("latency: raw sync, p50", raw50, "ms"),
        Figure::shown("latency: raw sync, p99", raw99, "ms"),
        Figure::at_most(format!("{name}, p50"), p50, 10.0, "ms"),
        Figure::at_most(format!("{name}, p99"), p99, most, "ms"),
    ];
    figures.into_iter().map(Figure::tell).collect()
}

/// Appends records one by one, each at its time; gives when.
fn append(headwater: &Headwater) -> Outcome<Vec<Instant>> {
    let to = TopicPartition::new(READINGS, 0);
    let mut appended = Vec::with_capacity(WARM_UP + RECORDS);
    let mut pending: Vec<Pending> = Vec::with_capacity(WARM_UP + RECORDS);
    let started = Instant::now();
    for id in 0..WARM_UP + RECORDS {
        let due = INTERVAL * id as u32;
        thread::sleep(due.saturating_sub(started.elapsed()));
        let value = format!("{{\"id\":{id},\"k\":{}}}", id % KEYS);
        let record = Record {
            value: Some(Bytes::from(value)),
            ..Record::default()
        };
        appended.push(Instant::now());
        pending.push(
            headwater
                .log()
                .submit(Commit::new().append(to.clone(), vec![record])),
        );
    }
    for pending in pending {
        pending.wait()?;
    }
    Ok(appended)
}

/// Reads what the view commits as soon as it does, until it shows the last record; gives the newest record that it showed,
/// and when.
fn watch(headwater: &Headwater) -> Outcome<Vec<(usize, Instant)>> {
    let of = TopicPartition::new(LATEST, 0);
    let log = headwater.log();
    let mut next = Offset(0);
    let mut changed = Instant::now();
    let mut shown = Vec::new();
    loop {
        let before = log.last_commit();
        if log.bounds(&of)?.end == next {
            if changed.elapsed() > PATIENCE {
                return Err(Failure::failed("the view does not change any more"));
            }
            log.wait_for_commit(before, PATIENCE);
            continue;
        }
        changed = Instant::now();
        let records = headwater.fetch(LATEST, 0, next)?;
        let Some((last, _)) = records.last() else {
            return Err(Failure::failed("the view's newest rows cannot be read"));
        };
        next = Offset(last.0 + 1);
        if let Some(newest) = newest(&records)? {
            shown.push((newest, Instant::now()));
            if newest + 1 == WARM_UP + RECORDS {
                return Ok(shown);
            }
        }
    }
}

/// A row of the view.
#[derive(Deserialize)]
struct Latest {
    id: usize,
}

/// The newest record that rows of the view show.
fn newest(rows: &[(Offset, Record)]) -> Outcome<Option<usize>> {
    let mut newest = None;
    for (_, row) in rows {
        let Some(value) = &row.value else { continue };
        let row: Latest = serde_json::from_slice(value)
            .map_err(|e| Failure::failed(format!("a row of the view does not decode: {e}")))?;
        newest = newest.max(Some(row.id));
    }
    Ok(newest)
}

/// How long queries of the whole view take.
fn queries(headwater: &Headwater) -> Outcome<Vec<Duration>> {
    let query = |_| {
        let started = Instant::now();
        let answers = headwater.sql(&format!("SELECT MAX(id) FROM {LATEST}"))?;
        let took = started.elapsed();
        let shown = answers.iter().find_map(|answer| match answer {
            Answer::Rows(rows) => rows.batches.iter().find_map(|rows| {
                let ids = rows.column(0).as_primitive_opt::<Int64Type>()?;
                ids.iter().flatten().max()
            }),
            _ => None,
        });
        match shown == Some((WARM_UP + RECORDS - 1) as i64) {
            true => Ok(took),
            false => Err(Failure::failed("a query does not show the newest record")),
        }
    };
    (0..QUERIES).map(query).collect()
}

/// How long each record took; epochs are whole and in order, so the view shows all records before the newest.
fn latencies(appended: &[Instant], shown: &[(usize, Instant)]) -> Vec<Duration> {
    let mut shown = shown.iter();
    let mut at = shown.next();
    let mut latencies = Vec::with_capacity(appended.len());
    for (id, appended) in appended.iter().enumerate() {
        while at.is_some_and(|(newest, _)| *newest < id) {
            at = shown.next();
        }
        if let (Some((_, time)), true) = (at, id >= WARM_UP) {
            latencies.push(time.saturating_duration_since(*appended));
        }
    }
    latencies
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_was_shown_when_the_view_first_showed_it_or_a_later_one() {
        let start = Instant::now();
        let at = |ms: u64| start + Duration::from_millis(ms);
        let appended: Vec<_> = (0..WARM_UP as u64 + 4).map(at).collect();
        let n = WARM_UP as u64;
        let shown = [
            (WARM_UP - 1, at(n)),
            (WARM_UP + 1, at(n + 5)),
            (WARM_UP + 1, at(n + 6)),
            (WARM_UP + 3, at(n + 9)),
        ];
        let took: Vec<_> = latencies(&appended, &shown)
            .iter()
            .map(Duration::as_millis)
            .collect();
        assert_eq!(took, [5, 4, 7, 6]);
    }
}
