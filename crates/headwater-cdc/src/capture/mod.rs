//! The capture: tables of a database as topics of the log. No row is lost or doubled, whoever is killed whenever.
//!
//! Each table is a topic, and each row a record by the key that identifies it: a change is a record, a deletion a
//! tombstone, a changed key both. The changes of a transaction and the place in the server's log where it ends are one
//! commit; only what is durable is confirmed to the server.
//!
//! What every server has in common is here. A server brings a [`Feed`], what it streams, and [`Reads`], how it reads tables
//! ([`server`]).

mod assembly;
mod beats;
mod finding;
mod form;
mod handle;
mod merge;
mod place;
mod readers;
mod records;
mod rows;
mod server;
mod settings;
mod setup;
mod state;
mod status;
mod stored;
mod stream;
mod taken;
mod told;
mod touched;

pub use finding::Finding;
pub use handle::{Capture, give_up};
pub use place::Place;
pub use settings::{Format, Heartbeat, OnLoss, Settings};
pub use status::{Phase, Status, TableStatus};
pub use stored::{StoredCapture, StoredTable, stored};

/// How often it is looked for what a stream does not say.
pub(crate) const LOOK_INTERVAL: std::time::Duration = std::time::Duration::from_secs(10);

pub(crate) use assembly::{Before, Target, Transaction};
pub(crate) use beats::Beats;
pub(crate) use form::{Change, Form};
pub(crate) use rows::{Room, Rows};
pub(crate) use server::{
    Feed, Heard, Intake, Progress, Put, Reads, RowPair, Server, Snapshot, TableIndex, Task,
};
pub(crate) use settings::{WHOLE_BYTES, check_topics};
pub(crate) use setup::{
    Begun, Captured, Of, Ready, TableOf, forget, is_known, is_read, known_tables, prepare,
    store_position,
};
pub(crate) use state::{BY, Position, WHERE, load, owner};
pub(crate) use told::Telling;
