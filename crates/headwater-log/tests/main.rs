//! Tests of the log from outside.
#![expect(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests")]

mod basics;
mod batch_mutation;
mod budget;
mod cleanup;
mod crash;
mod keyed;
mod model;
mod mutation;
mod panics;
mod support;
mod syncs;
mod upkeep;
mod verify;
mod wal_files;
mod wal_marks;
mod wal_mutation;
