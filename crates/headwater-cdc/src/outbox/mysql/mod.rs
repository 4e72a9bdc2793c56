//! The outbox in MariaDB and MySQL: its table, read from the binary log, or emptied where nothing may replicate.

mod binlog;
mod emptied;
mod open;
mod queue;
mod row;
mod table;

pub(super) use binlog::run;
pub(super) use queue::TableQueue;
pub use table::create_mysql_table;
