//! Contract and property tests of formats and connectors.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stderr, reason = "tests print their seeds")]

mod broken;
mod captured;
mod changelog;
mod contract;
mod csv;
mod filesystem;
mod generators;
mod json;
#[path = "../../headwater-cdc/tests/mysql/server.rs"]
#[expect(
    dead_code,
    reason = "shared with the tests of captures, which use the rest"
)]
mod mariadb_server;
mod mutation;
mod parquet;
mod properties;
mod resume;
mod sinks;
mod support;
mod topic;
