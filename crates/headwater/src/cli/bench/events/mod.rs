//! Event stores: on the log, beside the raw disk; on PostgreSQL, beside plain INSERTs on the same server.

mod embedded;
mod naive;
mod postgres;
mod reading;
mod suite;

pub(super) use suite::measure;
