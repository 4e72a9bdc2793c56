//! Entry points for fuzzing: each takes any bytes and must neither panic nor take memory that the bytes do not account for. Used by
//! the mutation tests of this crate and by cargo-fuzz.

use bytes::Bytes;

use crate::mysql;
use crate::postgres::Message;

/// The binary log of MariaDB or MySQL.
pub fn binlog(data: &[u8]) {
    mysql::fuzz::log(data);
}

/// A message of PostgreSQL's `pgoutput`.
pub fn pgoutput(data: &[u8]) {
    drop(Message::decode(Bytes::copy_from_slice(data)));
}
