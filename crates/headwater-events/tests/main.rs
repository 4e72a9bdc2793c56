//! Tests of the event store and of what is built on it, from outside.
#![expect(clippy::unwrap_used, reason = "tests")]

mod aggregates;
mod endpoint;
mod erasure;
mod guides;
mod killed;
mod postgres;
mod projections;
mod rebuilding;
mod replicas;
mod saga_participants;
mod saga_simulation;
mod sagas;
mod shapes;
mod store;
mod support;
