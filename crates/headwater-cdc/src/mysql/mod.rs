//! MariaDB and MySQL as a source of changes: sessions.

mod address;
mod auth;
mod failure;
mod packets;
mod reader;
mod session;
mod sql;

pub use address::Address;
pub use session::Session;
pub use sql::{identifier, literal};
