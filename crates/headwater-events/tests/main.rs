//! Tests of the event store and of what is built on it, from outside.
#![expect(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod store;
mod support;
