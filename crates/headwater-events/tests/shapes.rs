//! An event type whose shape changed twice, read from a log that its first version wrote.

use headwater_events::{
    ErrorKind, Event, Expected, NewEvent, ReadStream, Shape, Shaped, State, Store, block_on,
};
use headwater_log::{Log, Options};
use serde::{Deserialize, Serialize};

use crate::support::{clock, store};

#[derive(Serialize, Deserialize)]
struct PlacedV1 {
    total: u64,
}

#[derive(Serialize, Deserialize)]
struct PlacedV2 {
    cents: u64,
    currency: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Price {
    cents: u64,
    currency: String,
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Placed {
    price: Price,
    gift: bool,
}

impl From<PlacedV1> for PlacedV2 {
    fn from(old: PlacedV1) -> Self {
        Self {
            cents: old.total * 100,
            currency: "EUR".into(),
        }
    }
}

impl From<PlacedV2> for Placed {
    fn from(old: PlacedV2) -> Self {
        let PlacedV2 { cents, currency } = old;
        let price = Price { cents, currency };
        Self { price, gift: false }
    }
}

impl Shape for PlacedV1 {
    const VERSION: u32 = 1;
    type Previous = Self;
}

impl Shape for PlacedV2 {
    const VERSION: u32 = 2;
    type Previous = PlacedV1;
}

impl Shape for Placed {
    const VERSION: u32 = 3;
    type Previous = PlacedV2;
}

#[derive(Debug, PartialEq, Serialize, Deserialize)]
enum Order {
    #[serde(rename = "order.placed")]
    Placed(Placed),
    // It has been renamed.
    #[serde(rename = "order.sent", alias = "order.shipped")]
    Sent {},
}

impl From<Placed> for Order {
    fn from(placed: Placed) -> Self {
        Self::Placed(placed)
    }
}

impl Event for Order {
    const SHAPES: &'static [Shaped<Self>] = &[Shaped::of::<Placed>("order.placed")];
}

#[derive(Debug, Default, PartialEq)]
struct Sales {
    cents: u64,
    sent: u32,
}

impl State for Sales {
    const NAME: &'static str = "order";
    type Event = Order;

    fn initial(_: &str) -> Self {
        Self::default()
    }

    fn evolve(&mut self, event: &Order) {
        match event {
            Order::Placed(placed) => self.cents += placed.price.cents,
            Order::Sent {} => self.sent += 1,
        }
    }
}

/// A copy of the log that the first version wrote.
fn copy() -> (tempfile::TempDir, Store) {
    let fixture = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/shapes");
    let dir = tempfile::tempdir().unwrap();
    copy_dir(fixture.as_ref(), dir.path());
    let log = Log::open_dir(dir.path(), clock(), Options::default()).unwrap();
    (dir, Store::on_log(log, "events").unwrap())
}

fn copy_dir(from: &std::path::Path, to: &std::path::Path) {
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let to = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => {
                std::fs::create_dir_all(&to).unwrap();
                copy_dir(&entry.path(), &to);
            }
            false => {
                std::fs::copy(entry.path(), to).unwrap();
            }
        }
    }
}

fn placed(cents: u64, currency: &str, gift: bool) -> Order {
    let currency = currency.to_owned();
    let price = Price { cents, currency };
    Order::Placed(Placed { price, gift })
}

#[test]
fn what_the_first_version_wrote_is_read_in_the_newest_shape() {
    let (_dir, store) = copy();
    let events = block_on(store.read(ReadStream::of("order-1"))).unwrap();
    assert_eq!(
        (events[0].schema, &events[0].data[..]),
        (1, &br#"{"total":1250}"#[..])
    );
    let read: Vec<Order> = events.iter().map(|e| Order::decode(e).unwrap()).collect();
    assert_eq!(read, [placed(125_000, "EUR", false), Order::Sent {}]);
}

#[test]
fn shapes_of_all_versions_can_stand_in_one_stream() {
    let (_dir, store) = copy();
    let second = NewEvent {
        schema: 2,
        ..NewEvent::new("order.placed", r#"{"cents":7,"currency":"USD"}"#)
    };
    let third = placed(3, "USD", true).to_new().unwrap();
    assert_eq!(third.schema, 3);
    let more = [second, third, Order::Sent {}.to_new().unwrap()];
    block_on(store.append_to("order-2", Expected::Exists, more)).unwrap();
    let sales = block_on(store.load::<Sales>("2")).unwrap().state;
    assert_eq!(
        sales,
        Sales {
            cents: 9_910,
            sent: 2
        }
    );
}

#[test]
fn a_shape_of_the_future_is_refused_with_its_place() {
    let store = store();
    let future = NewEvent {
        schema: 4,
        ..NewEvent::new("order.placed", "{}")
    };
    block_on(store.append_to("order-1", Expected::Any, [future])).unwrap();
    let error = block_on(store.load::<Sales>("1")).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    let message = "event \"order.placed\" of stream \"order-1\" version 0 at position 0 has schema 4; 3 is \
                   the newest known";
    assert_eq!(error.to_string(), message);
}
