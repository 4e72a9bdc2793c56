//! The store on PostgreSQL, against a real server.

mod contract;
mod keeper;
mod oracle;
pub(crate) mod server;
pub(crate) mod support;
