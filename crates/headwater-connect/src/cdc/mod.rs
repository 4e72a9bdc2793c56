//! Tables of databases, followed transaction by transaction: what is the same for all servers.
//!
//! A table is captured into a topic of the log, and read from there: so it can be read again, by any number of jobs, and a
//! job that starts anew does not ask the database again. The capture itself is [`headwater_cdc`]'s. A kind of server is a
//! [`Database`]: its options, and what the columns of its tables are.

mod captures;
mod connector;
mod database;
mod filters;
mod source;

pub use connector::CdcConnector;

pub(crate) use database::{
    Columns, Database, Environment, SCAN_OPTIONS, backfills, fill, on_loss, to_topic,
};
pub(crate) use filters::{FILTER_OPTIONS, condition, filters, has_column};
