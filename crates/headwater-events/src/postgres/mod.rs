//! The event store on PostgreSQL, for many processes at once, and projections into its tables.
//!
//! Appends of a process are funnelled into transactions that hold one lock each, so that positions have no gaps and become
//! visible in their order. Nothing depends on what other transactions of the server do.

mod append;
mod connect;
mod database;
mod failure;
mod listing;
mod migrate;
mod news;
mod options;
mod question;
mod reactor;
mod read;
mod session;
mod sessions;
mod sql;
mod store;
mod view;

pub use options::PostgresOptions;
pub use store::Postgres;
pub use tokio_postgres;
pub use view::{PostgresView, Tables, swap};
