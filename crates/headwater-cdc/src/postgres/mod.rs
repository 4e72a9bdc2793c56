//! PostgreSQL as a source of changes: sessions, replication, the messages that a server sends when it replicates, and the
//! capture of tables into topics.

mod address;
mod auth;
mod binary;
mod capture;
mod catalog;
mod civil;
mod failure;
pub(crate) mod fuzz;
mod kind;
mod lsn;
mod pgoutput;
mod reader;
mod replication;
mod semantic;
mod session;
mod shape;
mod snapshot;
mod sql;
mod tls;

pub use address::Address;
pub use capture::{Messages, Settings, check, drop_slot};
pub use catalog::{Column, Table, TableName};
pub use lsn::Lsn;
pub use pgoutput::{Cell, Message, Relation, RelationColumn, Streamed};
pub use replication::{Received, Replication, Slot, System};
pub use session::Session;
pub use snapshot::Snapshot;
pub use sql::{identifier, literal};
pub use tls::{Tls, TlsMode};

pub(crate) use capture::{PostgreSql, begin, begin_anew, finish, slot};
pub(crate) use civil::{iso_date, iso_time, iso_timestamp, millis, since_1970};
