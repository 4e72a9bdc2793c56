//! The capture: tables of a database as topics of the log. No row is lost or doubled, whoever is killed whenever.
//!
//! Each table is a topic, and each row a record by the key that identifies it: a change is a record, a deletion a
//! tombstone, a changed key both. The changes of a transaction and the place in the server's log where it ends are one
//! commit; only what is durable is confirmed to the server.

mod blocks;
mod check;
mod form;
mod handle;
mod merge;
mod publication;
mod readers;
mod reading;
mod records;
mod settings;
mod setup;
mod slot;
mod state;
mod status;
mod stored;
mod stream;
mod taken;
mod touched;
mod transaction;

pub use check::{Finding, check};
pub use handle::Capture;
pub use settings::{Format, OnLoss, Settings};
pub use status::{Phase, Status, TableStatus};
pub use stored::{StoredCapture, StoredTable, drop_slot, stored};
