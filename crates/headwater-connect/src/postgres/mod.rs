//! The `postgres-cdc` connector: tables of a PostgreSQL database, followed transaction by transaction.
//!
//! A table is captured into a topic of the log, and read from there: so it can be read again, by any number of jobs, and a
//! job that starts anew does not ask the database again. The capture itself is [`headwater_cdc`]'s.

mod captures;
mod columns;
mod config;
mod connector;
mod source;

pub use connector::PostgresCdcConnector;
