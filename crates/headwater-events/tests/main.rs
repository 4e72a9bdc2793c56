//! Tests of the event store and of what is built on it, from outside.
#![expect(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod erasure;
mod postgres;
mod projections;
mod replicas;
mod saga_simulation;
mod sagas;
mod shapes;
mod store;
mod support;
