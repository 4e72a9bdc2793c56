//! Against a real MariaDB.

mod following;
mod golden;
mod server;
mod sessions;
mod transactions;
