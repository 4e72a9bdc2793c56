//! Against a real MariaDB.

mod altered;
mod captures;
mod capturing;
mod cases;
mod checks;
mod debezium;
mod elsewhere;
mod encrypted;
mod filtered;
mod following;
mod golden;
mod killed;
mod refusals;
mod server;
mod sessions;
mod snapshots;
mod transactions;

pub(crate) use server::Server;
