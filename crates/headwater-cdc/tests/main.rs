//! Against a real server, which each test binary starts for itself.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stderr, reason = "tests print their seeds")]

mod capture;
mod events;
mod faults;
mod heartbeats;
mod mysql;
mod oracle;
mod outbox;
#[path = "../../headwater-events/tests/killed/process.rs"]
mod process;
mod proxy;
mod replication;
#[path = "../../headwater-events/tests/postgres/server.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the event store, which use the rest"
)]
mod server;
mod tls;
mod topics;
