//! Aggregates: commands, races, idempotence, snapshots, time travel, decisions over several states.

mod account;
mod boundaries;
mod commands;
mod snapshots;
