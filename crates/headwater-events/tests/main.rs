//! Tests of the event store and of what is built on it, from outside.
#![expect(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod projections;
mod saga_simulation;
mod sagas;
mod store;
mod support;
