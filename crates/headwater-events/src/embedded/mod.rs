//! The event store on the embedded log: one topic of one partition with a key index.
//!
//! A stream is a key, a position an offset, a version that of the key index; conditions are those of the log's commit.

mod ahead;
mod append;
mod arrivals;
mod lifecycle;
mod log_store;
mod read;
mod record;

pub use log_store::LogStore;
