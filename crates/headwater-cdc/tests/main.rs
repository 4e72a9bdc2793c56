//! Against a real server, which each test binary starts for itself.
#![expect(clippy::unwrap_used, reason = "tests")]

mod mysql;
mod replication;
#[path = "../../headwater-events/tests/postgres/server.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the event store, which use the rest"
)]
mod server;
