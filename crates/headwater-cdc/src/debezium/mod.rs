//! Debezium's events in JSON: what its connectors write into topics, and what their consumers read.
//!
//! Compared with Debezium's own events, which `bench/peers/debezium` makes.

mod envelope;
mod schema;
mod semantic;
mod settings;

pub(crate) use envelope::{Envelope, Origin, UNAVAILABLE, now_us};
pub(crate) use semantic::{FieldSchema, Semantic};
pub use settings::{Debezium, Decimals};
