//! A materialised view over a captured table: how long after the commit of a change it has been read from the view.

use std::thread;
use std::time::{Duration, Instant};

use headwater::{Headwater, Offset, Record};
use headwater_log::TopicPartition;
use serde::Deserialize;

use super::super::figure::{Figure, quantile_ms};
use super::steady::{TOGETHER, write};
use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// Transactions, of which the first are not measured.
const TRANSACTIONS: usize = 1_100;
const WARM_UP: usize = 100;
/// Time from one to the next: 1,000 changes a second.
const INTERVAL: Duration = Duration::from_millis(10);
/// How long nothing may come.
const PATIENCE: Duration = Duration::from_secs(30);

const VIEW: &str = "newest";
const SLOT: &str = "viewed";

pub(super) fn measure(bench: &Bench<'_>) -> Outcome<Vec<Figure>> {
    bench.run(
        "CREATE TABLE viewed (id bigint PRIMARY KEY, k int NOT NULL, status text, at timestamptz)",
    )?;
    let headwater = Headwater::open(bench.dir.join("view"))?;
    let address = &bench.address;
    headwater.sql(&format!(
        "CREATE TABLE viewed (id BIGINT, k INT, status STRING, PRIMARY KEY (id) NOT ENFORCED) WITH (
            'connector' = 'postgres-cdc', 'hostname' = '{}', 'port' = '{}', 'username' = '{}', 'password' = 'none',
            'database-name' = '{}', 'schema-name' = 'public', 'table-name' = 'viewed', 'slot.name' = '{SLOT}');
         CREATE MATERIALIZED VIEW {VIEW} AS SELECT k, COUNT(*) AS n, MAX(id) AS id FROM viewed GROUP BY k;",
        address.host, address.port, address.user, address.database
    ))?;
    let shown = {
        let headwater = headwater.clone();
        thread::spawn(move || watch(&headwater))
    };
    let committed = write(bench, "viewed", TRANSACTIONS, INTERVAL)?;
    let shown = shown.join();
    let shown = shown.map_err(|_| Failure::failed("reading the view panicked"))??;
    headwater.close()?;
    headwater_cdc::postgres::drop_slot(address, SLOT)?;
    let mut took = latencies(&committed, &shown);
    let mut quantile = |q| quantile_ms(&mut took, q);
    let (p50, p99) = (quantile(0.5), quantile(0.99));
    let name = "cdc: commit to view at 1,000 changes/s";
    let figures = [
        Figure::shown(format!("{name}, p50"), p50, "ms"),
        Figure::at_most(format!("{name}, p99"), p99, 50.0, "ms"),
    ];
    Ok(figures.into_iter().map(Figure::tell).collect())
}

/// A row of the view.
#[derive(Deserialize)]
struct Newest {
    id: usize,
}

/// Reads what the view commits as soon as it does, until it shows the last row; gives the newest row that it showed, and when.
fn watch(headwater: &Headwater) -> Outcome<Vec<(usize, Instant)>> {
    let (of, log) = (TopicPartition::new(VIEW, 0), headwater.log());
    let (mut next, mut changed) = (Offset(0), Instant::now());
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
        let records = headwater.fetch(VIEW, 0, next)?;
        let Some((last, _)) = records.last() else {
            return Err(Failure::failed("the view's newest rows cannot be read"));
        };
        next = Offset(last.0 + 1);
        if let Some(newest) = newest(&records)? {
            shown.push((newest, Instant::now()));
            if newest + 1 == TRANSACTIONS * TOGETHER {
                return Ok(shown);
            }
        }
    }
}

/// The newest row of the table that rows of the view show.
fn newest(rows: &[(Offset, Record)]) -> Outcome<Option<usize>> {
    let values = rows.iter().filter_map(|(_, row)| row.value.as_ref());
    let id = |value: &bytes::Bytes| {
        let row: Newest = serde_json::from_slice(value)
            .map_err(|e| Failure::failed(format!("a row of the view does not decode: {e}")))?;
        Ok(row.id)
    };
    let ids: Vec<usize> = values.map(id).collect::<Outcome<_>>()?;
    Ok(ids.into_iter().max())
}

/// How long each transaction took; epochs are whole and in order, so the view shows all rows before the newest.
fn latencies(committed: &[Instant], shown: &[(usize, Instant)]) -> Vec<Duration> {
    let mut shown = shown.iter().peekable();
    let mut took = Vec::with_capacity(committed.len());
    for (at, committed) in committed.iter().enumerate() {
        let last = (at + 1) * TOGETHER - 1;
        while shown.next_if(|(newest, _)| *newest < last).is_some() {}
        if let (Some((_, seen)), true) = (shown.peek(), at >= WARM_UP) {
            took.push(seen.saturating_duration_since(*committed));
        }
    }
    took
}
