//! Captures of tables into topics, against a real server.

mod bench;
mod binary;
mod debezium;
mod filtered;
mod flat;
mod full_disk;
mod golden;
mod keyed;
mod keys;
mod large;
mod later;
mod losses;
mod messages;
mod modes;
mod oracle;
mod overrides;
mod rows;
mod silence;
mod snapshots;
mod torn;
mod transactions;
mod treated;
mod values;
mod writers;
