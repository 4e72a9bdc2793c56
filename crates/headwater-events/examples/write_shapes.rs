//! Writes the log of `tests/fixtures/shapes`, by the first version of an event type that has had other shapes since. It was run
//! once: what it wrote must stay readable (`cargo run -p headwater-events --example write_shapes -- DIR`).

use std::path::PathBuf;
use std::sync::Arc;

use headwater_events::{Event, Expected, Store, block_on};
use headwater_log::{Log, ManualClock, Options, Timestamp};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize)]
struct Placed {
    total: u64,
}

#[derive(Serialize, Deserialize)]
enum Order {
    #[serde(rename = "order.placed")]
    Placed(Placed),
    #[serde(rename = "order.shipped")]
    Shipped {},
}
impl Event for Order {}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let dir = std::env::args_os().nth(1).map(PathBuf::from);
    let dir = dir.ok_or("where to?")?;
    let options = Options {
        wal_file_bytes: 32 << 10,
        ..Options::default()
    };
    let clock = Arc::new(ManualClock::new(Timestamp(1_700_000_000_000)));
    let log = Log::open_dir(&dir, clock.clone(), options)?;
    let store = Store::on_log(log.clone(), "events")?;
    for (order, total) in [("1", 1250), ("2", 99)] {
        let events = [Order::Placed(Placed { total }), Order::Shipped {}];
        for event in events {
            clock.advance(1000);
            let new = event.to_new()?;
            block_on(store.append_to(format!("order-{order}"), Expected::Any, [new]))?;
        }
    }
    log.close()?;
    Ok(())
}
