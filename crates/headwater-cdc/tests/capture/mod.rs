//! Captures of tables into topics, against a real server.

mod bench;
mod debezium;
mod filtered;
mod flat;
mod golden;
mod keys;
mod large;
mod losses;
mod messages;
mod oracle;
mod rows;
mod snapshots;
