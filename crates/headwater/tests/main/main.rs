//! The binary and the library as their users see them.

#![expect(clippy::unwrap_used, reason = "tests")]

#[cfg(feature = "cli")]
mod binary;
mod cdc;
mod cdc_altered;
mod cdc_slots;
mod cdc_tables;
#[cfg(feature = "cli")]
mod connectors;
#[cfg(feature = "cli")]
mod contract;
#[cfg(feature = "cli")]
mod control;
#[cfg(feature = "cli")]
mod directories;
#[cfg(feature = "cli")]
mod events;
#[cfg(feature = "cli")]
mod guides;
#[cfg(feature = "cli")]
mod inputs;
#[cfg(feature = "cli")]
mod kill;
mod laws;
#[cfg(feature = "cli")]
mod limit;
mod mariadb;
#[path = "../../../headwater-cdc/tests/mysql/server.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of captures, which use the rest"
)]
mod mariadb_server;
mod pipelines;
mod rebuilt;
#[cfg(feature = "cli")]
mod run;
#[path = "../../../headwater-events/tests/postgres/server.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of the event store, which use the rest"
)]
mod server;
#[cfg(feature = "cli")]
mod shell;
mod shown;
mod slt;
mod state;
#[cfg(feature = "cli")]
mod streams;
#[cfg(feature = "cli")]
mod topics;
mod views;
