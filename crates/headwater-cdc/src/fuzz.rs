//! Entry points for fuzzing: each takes any bytes and must neither panic nor take memory that the bytes do not account for. Used by
//! the mutation tests of this crate and by cargo-fuzz.

use crate::{mysql, postgres};

/// The binary log of MariaDB or MySQL.
pub fn binlog(data: &[u8]) {
    mysql::fuzz::log(data);
}

/// A message of PostgreSQL's `pgoutput`, and the values in it.
pub fn pgoutput(data: &[u8]) {
    postgres::fuzz::message(data);
}
