//! Change data capture: what happens to the tables of a database, in the order of its commits.
//!
//! [`postgres`] and [`mysql`] speak with a server and decode what it replicates; a [`Capture`] turns that into topics.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

mod capture;
mod connector;
mod debezium;
mod environment;
mod failure;
mod filter;
mod flat;
#[doc(hidden)]
pub mod fuzz;
mod json;
pub mod mysql;
pub mod outbox;
pub mod postgres;
mod running;
mod silence;
mod supervised;
mod tls;
mod url;

pub use capture::{
    Capture, Finding, Format, Heartbeat, OnLoss, Phase, Place, Settings, Status, StoredCapture,
    StoredTable, TableStatus, give_up, stored,
};
pub use connector::translated;
pub use debezium::{Binary, Debezium, Decimals, Heartbeats, Intervals, Times, Unsigned};
pub use environment::filled;
pub use filter::{Algorithm, Filters, Hash, Hashed, Matching, Operations, Pattern, Treatment};
pub use headwater_log::{Error, ErrorKind, Result};
pub use running::Running;
pub use silence::SILENCE;
