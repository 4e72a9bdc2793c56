//! Streams whose states are loaded: a few by themselves, and some that lie scattered among very many others.

use std::ops::Range;
use std::time::Instant;

use super::counter::{added, sum};
use crate::error::{Error, ErrorKind, Result};
use crate::event::NewEvent;
use crate::store::{Append, Expected, Store};
use crate::task::block_on;

/// Streams of each length that are loaded in turn.
const LOADED: u64 = 50;
/// How often one is loaded.
const LOADS: u64 = 1000;
/// Streams that are written in one append.
const CHUNK: u64 = 1000;
/// Streams whose events are scattered among all others, and how many each has.
const SCATTERED: u64 = 10_000;
const SCATTERED_EVENTS: u64 = 10;

/// Writes some streams of so many events, all at the same pace.
///
/// # Errors
/// Those of the store.
pub fn fill(store: &Store, events: u64) -> Result<()> {
    let ids: Vec<String> = (0..LOADED).map(|n| format!("{events}-{n}")).collect();
    (0..events).try_for_each(|amount| add(store, &ids, amount))
}

/// Appends an event to each of some streams, at once.
fn add(store: &Store, ids: &[String], amount: u64) -> Result<()> {
    let mut append = Append::new();
    for id in ids {
        append = append.to(format!("counter-{id}"), Expected::Any, [added(amount)?]);
    }
    block_on(store.append(append))?;
    Ok(())
}

/// Loads states of so many events, which were [written](fill); gives microseconds for one.
///
/// # Errors
/// Those of the store; `Bug` if a state is wrong.
pub fn load(store: &Store, events: u64) -> Result<f64> {
    let ids = (0..LOADS).map(|n| format!("{events}-{}", n * 7 % LOADED));
    load_each(store, ids, events)
}

/// Loads each state once that a round has [scattered](scatter); what was read of one helps little with the next. Gives
/// microseconds for one.
///
/// # Errors
/// As [`load`].
pub fn load_scattered(store: &Store, round: u64) -> Result<f64> {
    let ids = (0..SCATTERED).map(|n| scattered(round, n * 7919 % SCATTERED));
    load_each(store, ids, SCATTERED_EVENTS)
}

fn scattered(round: u64, n: u64) -> String {
    format!("scattered-{round}-{n}")
}

fn load_each(store: &Store, ids: impl Iterator<Item = String>, events: u64) -> Result<f64> {
    let (started, mut sums, mut loads) = (Instant::now(), 0, 0);
    for id in ids {
        sums += sum(store, &id)?;
        loads += 1;
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / loads as f64;
    match sums == loads * events * (events - 1) / 2 {
        true => Ok(each),
        false => Err(Error::new(
            ErrorKind::Bug,
            "a state that was loaded is wrong",
        )),
    }
}

/// Writes many streams of one event, and at each tenth of the way an event of each scattered stream of this round.
///
/// # Errors
/// Those of the store.
pub fn scatter(store: &Store, streams: Range<u64>, round: u64) -> Result<()> {
    let chunks = (streams.end - streams.start).div_ceil(CHUNK);
    let mut rounds = 0;
    for chunk in 0..chunks {
        let first = streams.start + chunk * CHUNK;
        while rounds * chunks <= chunk * SCATTERED_EVENTS && rounds < SCATTERED_EVENTS {
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
