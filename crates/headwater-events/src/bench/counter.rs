//! A state that is loaded: the sum of what was added to a counter.

use serde::{Deserialize, Serialize};

use crate::aggregate::State;
use crate::error::Result;
use crate::event::NewEvent;
use crate::store::Store;
use crate::task::block_on;
use crate::typed::Event;

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

/// An event of some 150 bytes that adds to a counter, whose stream is `counter-<id>`.
pub(super) fn added(amount: u64) -> Result<NewEvent> {
    let note = "x".repeat(100);
    CounterEvent::Added { amount, note }.to_new()
}

/// Loads a counter and gives its sum.
pub(super) fn sum(store: &Store, id: &str) -> Result<u64> {
    Ok(block_on(store.load::<Counter>(id))?.state.sum)
}
