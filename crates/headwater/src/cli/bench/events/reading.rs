//! Loading states, and following events.

use headwater::events::Store;
use headwater::events::bench::{fill, follow, load, load_scattered, scatter};

use super::super::figure::{Figure, grouped};
use super::suite::TURN;
use crate::cli::exit::Outcome;

/// Other streams after which it is measured again.
const MILLION: u64 = 1_000_000;

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
        scatter(store, written..streams, round)?;
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
