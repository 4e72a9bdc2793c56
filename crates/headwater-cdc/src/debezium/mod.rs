//! Debezium's events in JSON: what its connectors write into topics, and what their consumers read.
//!
//! Compared with Debezium's own events, which `bench/peers/debezium` makes.

mod decimal;
mod envelope;
mod heartbeat;
mod message;
mod origin;
mod schema;
mod semantic;
mod settings;
mod transaction;

pub(crate) use decimal::Digits;
pub(crate) use envelope::{Envelope, UNAVAILABLE};
pub(crate) use heartbeat::heartbeat;
pub(crate) use message::MessageEvents;
pub(crate) use origin::{
    BinlogPlace, Connector, Names, Origin, OriginPlace, Standing, WalPlace, now_us,
};
pub(crate) use semantic::{FieldSchema, Semantic};
pub(crate) use settings::Modes;
pub use settings::{Binary, Debezium, Decimals, Heartbeats, Intervals, Times, Unsigned};
pub(crate) use transaction::{Order, Told, Transactions};
