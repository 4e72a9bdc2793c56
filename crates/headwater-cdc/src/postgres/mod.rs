//! PostgreSQL as a source of changes: sessions, replication, and the messages that a server sends when it replicates.

mod address;
mod auth;
mod failure;
mod lsn;
mod pgoutput;
mod reader;
mod replication;
mod session;
mod snapshot;
mod sql;

pub use address::Address;
pub use lsn::Lsn;
pub use pgoutput::{Cell, Message, Relation, RelationColumn};
pub use replication::{Received, Replication, Slot};
pub use session::Session;
pub use snapshot::Snapshot;
pub use sql::{identifier, literal};
