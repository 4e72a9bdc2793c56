//! Loading states, and following events.

use std::time::Instant;

use headwater::events::{
    Append, BoxError, Delivery, Event, Expected, Filter, HandlerView, NewEvent, ProjectionId,
    Projector, Recorded, State, Store, Turn, block_on,
};
use serde::{Deserialize, Serialize};

use super::super::figure::Figure;
use super::suite::TURN;
use crate::cli::exit::{Failure, Outcome};

/// Streams of each length that are loaded in turn.
const LOADED: u64 = 50;
/// How often one is loaded.
const LOADS: u64 = 1000;
/// Other streams, between which those that are loaded lie.
const OTHERS: u64 = 1_000_000;
/// Streams that are written in one append.
const CHUNK: u64 = 1000;

#[derive(Serialize, Deserialize)]
enum CounterEvent {
    Added { amount: u64, note: String },
}
impl Event for CounterEvent {}

struct Counter {
    sum: u64,
}

impl State for Counter {
    const NAME: &'static str = "counter";
    type Event = CounterEvent;

    fn initial(_: &str) -> Self {
        Self { sum: 0 }
    }

    fn evolve(&mut self, event: &CounterEvent) {
        let CounterEvent::Added { amount, .. } = event;
        self.sum += amount;
    }
}

pub(super) fn measure(store: &Store) -> Outcome<Vec<Figure>> {
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
    others(store)?;
    let name = "events: the same among a million more streams";
    figures.push(Figure::at_most(name, load(store, 10)?, 50.0, "us").tell());
    figures.push(follow(store)?.tell());
    Ok(figures)
}

/// Writes streams of so many events, all streams at the same pace.
fn fill(store: &Store, events: u64) -> Outcome {
    for n in 0..events {
        let mut append = Append::new();
        for stream in 0..LOADED {
            let note = "x".repeat(100);
            let event = CounterEvent::Added { amount: n, note }.to_new()?;
            append = append.to(format!("counter-{events}-{stream}"), Expected::Any, [event]);
        }
        block_on(store.append(append))?;
    }
    Ok(())
}

/// Loads states of so many events; gives microseconds for one.
fn load(store: &Store, events: u64) -> Outcome<f64> {
    let (started, mut sum) = (Instant::now(), 0);
    for n in 0..LOADS {
        let id = format!("{events}-{}", n * 7 % LOADED);
        sum += block_on(store.load::<Counter>(&id))?.state.sum;
    }
    let each = started.elapsed().as_secs_f64() * 1e6 / LOADS as f64;
    match sum == LOADS * events * (events - 1) / 2 {
        true => Ok(each),
        false => Err(Failure::failed("a state that was loaded is wrong")),
    }
}

/// Writes many streams of one event.
fn others(store: &Store) -> Outcome {
    for chunk in 0..OTHERS / CHUNK {
        let mut append = Append::new();
        for n in chunk * CHUNK..(chunk + 1) * CHUNK {
            let event = NewEvent::new("noted", format!(r#"{{"n":{n}}}"#));
            append = append.to(format!("other-{n}"), Expected::Any, [event]);
        }
        block_on(store.append(append))?;
    }
    Ok(())
}

/// A handler that follows all events from the first on.
fn follow(store: &Store) -> Outcome<Figure> {
    let mut bytes = 0;
    let handler = |event: &Recorded, _: &Delivery| -> Result<(), BoxError> {
        bytes += event.data.len();
        Ok(())
    };
    let id = ProjectionId::new("bench");
    let view = HandlerView::new(store.clone(), id.clone(), handler);
    let mut projector = Projector::new(store.clone(), id, Filter::all(), view);
    let started = Instant::now();
    while block_on(projector.turn())? == Turn::More && started.elapsed() < TURN * 8 {}
    let applied = projector.progress().status().applied as f64;
    let rate = applied / started.elapsed().as_secs_f64();
    let name = "events: from the store to a projection's handler";
    Ok(Figure::at_least(name, rate, 500_000.0, "events/s"))
}
