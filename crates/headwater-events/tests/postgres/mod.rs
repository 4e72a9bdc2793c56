//! The store on PostgreSQL, against a real server.

mod bystanders;
mod contract;
mod faults;
mod keeper;
mod oracle;
mod own_transaction;
mod proxy;
#[expect(
    dead_code,
    reason = "shared with the tests of captures, which use the rest"
)]
pub(crate) mod server;
pub(crate) mod support;
pub(crate) mod views;
