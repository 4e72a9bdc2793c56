//! Appending on the log.

use headwater::events::bench::{conditional, flood, one_by_one, plain};
use headwater::events::{Store, block_on};

use super::super::disk::RawFile;
use super::super::figure::Figure;
use super::suite::{TURN, TURNS};
use crate::cli::exit::Outcome;

/// Appends that are in flight where many are.
const MANY: usize = 1024;
/// What an append of one event writes, and so what a raw write is of that one client is compared with.
const APPEND_BYTES: usize = 400;
/// What a raw write is of that many are compared with.
const GROUP_BYTES: usize = 64 << 10;
/// What many may reach instead of their part of the raw disk.
const ENOUGH: f64 = 120_000.0;

pub(super) fn measure(store: &Store, raw: &mut RawFile) -> Outcome<Vec<Figure>> {
    let (one, syncs) = beside(raw, APPEND_BYTES, || {
        Ok(one_by_one(store, TURN, &|n| plain(n, 1))?)
    })?;
    let name = "events: one client, one event an append";
    let mut figures = vec![Figure::ratio(name, one, syncs, "events/s", 0.9).tell()];

    let many = || Ok(flood(store, MANY, TURN, &|n| plain(n, 1))?);
    let (rate, syncs) = beside(raw, GROUP_BYTES, many)?;
    let name = "events: 1024 appends in flight";
    let least = (0.5 * MANY as f64 * syncs).min(ENOUGH);
    let reference = MANY as f64 * syncs;
    figures.push(Figure::beside(name, rate, reference, "events/s", least).tell());

    let mut events = 0.0;
    for _ in 0..TURNS {
        events += 100.0 * flood(store, 64, TURN, &|n| plain(n, 100))? / f64::from(TURNS);
    }
    let name = "events: batches of 100";
    figures.push(Figure::at_least(name, events, 800_000.0, "events/s").tell());
    figures.push(conditions(store)?.tell());
    Ok(figures)
}

/// Appends with a version and a query, in turns with plain ones.
fn conditions(store: &Store) -> Outcome<Figure> {
    let (mut with, mut without) = (0.0, 0.0);
    for _ in 0..TURNS {
        without += flood(store, MANY, TURN, &|n| plain(n, 1))?;
        let seen = block_on(store.end())?;
        with += flood(store, MANY, TURN, &|n| conditional(n, 1, seen))?;
    }
    let turns = f64::from(TURNS);
    let name = "events: with a version and a query as conditions";
    Ok(Figure::ratio(
        name,
        with / turns,
        without / turns,
        "events/s",
        0.9,
    ))
}

/// Our rate and that of raw syncs, in turns.
fn beside(raw: &mut RawFile, bytes: usize, ours: impl Fn() -> Outcome<f64>) -> Outcome<(f64, f64)> {
    let (mut us, mut them) = (0.0, 0.0);
    for _ in 0..TURNS {
        them += raw.sync_for(bytes, TURN)? as f64 / TURN.as_secs_f64();
        us += ours()?;
    }
    Ok((us / f64::from(TURNS), them / f64::from(TURNS)))
}
