//! Change data capture: what happens to the tables of a database, in the order of its commits.
//!
//! [`postgres`] and [`mysql`] speak with a server and decode what it replicates.

#![cfg_attr(test, expect(clippy::unwrap_used, reason = "tests"))]

mod debezium;
mod environment;
mod json;
pub mod mysql;
pub mod postgres;

pub use debezium::{Debezium, Decimals};
pub use environment::filled;
pub use headwater_log::{Error, ErrorKind, Result};
