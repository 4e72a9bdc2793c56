//! A saga over stock, payment and shipping, with failures that are compensated (`cargo run -p headwater-events --example
//! checkout`). The guide is `docs/guides/sagas.md`; the steps stand in `order.toml`.
#![expect(clippy::print_stdout, reason = "an example prints what it shows")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use headwater_events::kit::World;
use headwater_events::{
    Answer, Call, Decide, Definition, Event, Phase, PhaseStatus, SagaState, SagaTurn, Sagas, State,
    Store, Timestamp, block_on,
};
use serde::{Deserialize, Serialize};
use serde_json::json;

#[derive(Serialize, Deserialize)]
enum StockEvent {
    Delivered { count: i64 },
    Reserved { count: i64 },
    Released { count: i64 },
}
impl Event for StockEvent {}

/// How many of an item are free.
struct Stock {
    free: i64,
}

impl State for Stock {
    const NAME: &'static str = "stock";
    type Event = StockEvent;

    fn initial(_: &str) -> Self {
        Self { free: 0 }
    }

    fn evolve(&mut self, event: &StockEvent) {
        match event {
            StockEvent::Delivered { count } | StockEvent::Released { count } => self.free += count,
            StockEvent::Reserved { count } => self.free -= count,
        }
    }
}

enum OfStock {
    Reserve(i64),
    Release(i64),
}

impl Decide for OfStock {
    type State = Stock;
    type Event = StockEvent;
    type Error = &'static str;

    fn decide(&self, stock: &Stock) -> Result<Vec<StockEvent>, &'static str> {
        match *self {
            Self::Reserve(count) if count > stock.free => Err("not enough in stock"),
            Self::Reserve(count) => Ok(vec![StockEvent::Reserved { count }]),
            Self::Release(count) => Ok(vec![StockEvent::Released { count }]),
        }
    }
}

/// The stock as a participant: an aggregate, whose commands have the call's key as their id.
async fn stock(store: Store, call: Call) -> Answer {
    let input = match call.phase {
        Phase::Do => &call.input,
        Phase::Undo => &call.input["input"],
    };
    let (Some(item), Some(count)) = (input["item"].as_str(), input["count"].as_i64()) else {
        return Answer::Refused("no item or no count".to_owned());
    };
    let command = match call.phase {
        Phase::Do => OfStock::Reserve(count),
        Phase::Undo => OfStock::Release(count),
    };
    Answer::of(store.execute(item, command).command_id(&call.key).await)
}

/// The bank is busy now and then, and refuses large amounts.
fn bank(calls: &AtomicU32, call: &Call) -> Answer {
    let busy = calls.fetch_add(1, Ordering::SeqCst).is_multiple_of(2);
    match call.input["amount"].as_i64() {
        _ if busy => Answer::Failed("busy".to_owned()),
        Some(amount) if amount > 1000 => Answer::Refused("too much".to_owned()),
        _ => Answer::Done(json!({"charge": call.key})),
    }
}

/// The carrier does not ship anvils.
fn carrier(call: &Call) -> Answer {
    match call.saga.contains("anvil") {
        true => Answer::Refused("too heavy".to_owned()),
        false => Answer::Done(json!({"parcel": call.saga})),
    }
}

fn shop(world: &World) -> headwater_events::Result<Sagas> {
    let sagas = Sagas::new(world.store().clone(), world.clock().clone());
    let store = world.store().clone();
    sagas.participant("stock", move |call| stock(store.clone(), call));
    let calls = Arc::new(AtomicU32::new(0));
    sagas.participant("bank", move |call: Call| {
        std::future::ready(bank(&calls, &call))
    });
    sagas.participant("carrier", |call: Call| std::future::ready(carrier(&call)));
    let definition = Definition::from_toml(include_str!("order.toml"))?;
    block_on(sagas.define(definition))?;
    Ok(sagas)
}

/// Runs all sagas to their ends. A program would let a `SagaRunner` do it, on threads.
fn run(world: &World, sagas: &Sagas) -> headwater_events::Result<()> {
    loop {
        match block_on(sagas.turn())? {
            SagaTurn::Call(call) => {
                block_on(sagas.make(&call))?;
            }
            SagaTurn::Recorded => {}
            SagaTurn::Idle(Some(due)) => world.clock().set(due),
            SagaTurn::Idle(None) => return Ok(()),
        }
    }
}

fn order(sagas: &Sagas, id: &str, item: &str, amount: i64) -> headwater_events::Result<()> {
    let input = json!({"customer": "ada", "item": item, "count": 2, "amount": amount});
    block_on(sagas.start("order", id, input)).map(drop)
}

fn tell() -> headwater_events::Result<(World, Vec<SagaState>)> {
    let world = World::at(Timestamp(1_700_000_000_000));
    for item in ["lamp", "anvil"] {
        world.given::<Stock>(item, [StockEvent::Delivered { count: 5 }]);
    }
    let sagas = shop(&world)?;
    order(&sagas, "lamp-1", "lamp", 80)?;
    order(&sagas, "lamp-2", "lamp", 5000)?;
    order(&sagas, "anvil-1", "anvil", 80)?;
    run(&world, &sagas)?;
    let all = block_on(sagas.list())?;
    Ok((world, all))
}

fn main() -> headwater_events::Result<()> {
    let (world, sagas) = tell()?;
    for saga in &sagas {
        let reason = saga.reason.as_deref().unwrap_or("");
        println!("{}: {:?} {reason}", saga.id, saga.mode);
        for step in &saga.steps {
            let undone = matches!(step.backward.status, PhaseStatus::Done(_));
            let taken_back = if undone { ", taken back" } else { "" };
            let attempts = step.forward.attempts.len();
            println!("  {}: {attempts} attempts{taken_back}", step.name);
        }
    }
    for item in ["lamp", "anvil"] {
        println!("{item}: {} free", world.state::<Stock>(item).free);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use headwater_events::Mode;

    use super::*;

    #[test]
    fn what_cannot_be_shipped_or_paid_is_back_in_stock() {
        let (world, sagas) = tell().expect("a story");
        let mode = |id: &str| {
            let saga = sagas.iter().find(|s| s.id == id);
            saga.map(|s| s.mode.clone()).expect("a saga")
        };
        assert_eq!(mode("lamp-1"), Mode::Completed);
        assert_eq!(mode("lamp-2"), Mode::Compensated);
        assert_eq!(mode("anvil-1"), Mode::Compensated);
        assert_eq!(world.state::<Stock>("lamp").free, 3);
        assert_eq!(world.state::<Stock>("anvil").free, 5);
    }
}
