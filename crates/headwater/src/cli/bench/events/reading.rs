//! Loading states, and following events.

use std::ops::Range;
use std::time::Instant;

use headwater::events::bench::{added, follow, sum};
use headwater::events::{Append, Expected, NewEvent, Store, block_on};

use super::super::figure::{Figure, grouped};
use super::suite::TURN;
use crate::cli::exit::{Failure, Outcome};

/// Streams of each length that are loaded in turn.
const LOADED: u64 = 50;
/// How often one is loaded.
const LOADS: u64 = 1000;
/// Other streams after which it is measured again.
const MILLION: u64 = 1_000_000;
/// Streams that are written in one append.
const CHUNK: u64 = 1000;
/// Streams whose ten events are scattered among all others.
const SCATTERED: u64 = 10_000;

/// Measures with so many other streams.
pub(super) fn measure(store: &Store, streams: u64) -> Outcome<Vec<Figure>> {
    fill(store, 10)?;
    fill(store, 1000)?;
    let few = load(store, 10)?;
    let mut figures = vec![
        Figure::at_most("events: load a state of 10 events", few, 50.0, "us").tell(),
        Figure::at_most(
            "events: load a state of 1000 events",
            load(store, 1000)?,
            1000.0,
            "us",
        )
        .tell(),
    ];
    let mut written = 0;
    let mut sizes = vec![MILLION, streams];
    sizes.dedup();
    for (round, streams) in (0..).zip(sizes) {
        let name = format!(
            "events: load a state of 10 events among {} streams",
            grouped(streams)
        );
        others(store, written..streams, round)?;
        written = streams;
        figures.push(Figure::at_most(&name, load(store, 10)?, 50.0, "us").tell());
        let name = format!("{name}, scattered, read once");
        figures.push(Figure::at_most(name, load_scattered(store, round)?, 50.0, "us").tell());
    }
    let name = "events: from the store to a projection's handler";
    let rate = follow(store, TURN * 8)?;
    figures.push(Figure::at_least(name, rate, 500_000.0, "events/s").tell());
    Ok(figures)
}

/// Writes streams of so many events, all streams at the same pace.
fn fill(store: &Store, events: u64) -> Outcome {
    let ids: Vec<String> = (0..LOADED).map(|n| format!("{events}-{n}")).collect();
    (0..events).try_for_each(|amount| add(store, &ids, amount))
}

/// Appends an event to each of some streams, at once.
fn add(store: &Store, ids: &[String], amount: u64) -> Outcome {
    let mut append = Append::new();
    for id in ids {
        append = append.to(format!("counter-{id}"), Expected::Any, [added(amount)?]);
    }
    block_on(store.append(append))?;
    Ok(())
}

/// Loads states of so many events; gives microseconds for one.
fn load(store: &Store, events: u64) -> Outcome<f64> {
    let ids = (0..LOADS).map(|n| format!("{events}-{}", n * 7 % LOADED));
    load_each(store, ids, events)
}

/// Loads each of the scattered states once; what was read of one helps little with the next.
fn load_scattered(store: &Store, round: u64) -> Outcome<f64> {
    let ids = (0..SCATTERED).map(|n| scattered(round, n * 7919 % SCATTERED));
    load_each(store, ids, 10)
}

fn scattered(round: u64, n: u64) -> String {
    format!("scattered-{round}-{n}")
}

/// Loads states of so many events each; gives microseconds for one.
fn load_each(store: &Store, ids: impl Iterator<Item = String>, events: u64) -> Outcome<f64> {
    let (started, mut sums, mut loads) = (Instant::now(), 0, 0);
    for id in ids {
        sums += sum(store, &id)?;
        loads += 1;
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / loads as f64;
    match sums == loads * events * (events - 1) / 2 {
        true => Ok(each),
        false => Err(Failure::failed("a state that was loaded is wrong")),
    }
}

/// Writes many streams of one event, and at each tenth of the way an event of each scattered stream.
fn others(store: &Store, streams: Range<u64>, round: u64) -> Outcome {
    let chunks = (streams.end - streams.start).div_ceil(CHUNK);
    let mut rounds = 0;
    for chunk in 0..chunks {
        let first = streams.start + chunk * CHUNK;
        while rounds * chunks <= chunk * 10 && rounds < 10 {
            for from in (0..SCATTERED).step_by(CHUNK as usize) {
                let ids: Vec<String> = (from..from + CHUNK).map(|n| scattered(round, n)).collect();
                add(store, &ids, rounds)?;
            }
            rounds += 1;
        }
        let mut append = Append::new();
        for n in first..streams.end.min(first + CHUNK) {
            let event = NewEvent::new("noted", format!(r#"{{"n":{n}}}"#));
            append = append.to(format!("other-{n}"), Expected::Any, [event]);
        }
        block_on(store.append(append))?;
    }
    Ok(())
}
