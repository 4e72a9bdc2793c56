//! Against a real MariaDB.

mod server;
mod sessions;
