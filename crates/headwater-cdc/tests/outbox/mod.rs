//! The outbox: every event of a committed transaction becomes a record, once, those of a key in their order.

mod asking;
mod bench;
mod mariadb;
mod mariadb_oracle;
mod oracle;
mod stream;
