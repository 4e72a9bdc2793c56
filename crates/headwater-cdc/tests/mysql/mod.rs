//! Against a real MariaDB.

mod captures;
mod checks;
mod following;
mod golden;
mod server;
mod sessions;
mod snapshots;
mod transactions;
