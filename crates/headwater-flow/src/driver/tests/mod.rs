//! Whole pipelines in memory: a source of lines, a sink that collects, a clock that the test moves.
#![expect(clippy::unwrap_used, reason = "tests")]

mod recovery;
mod rejects;
mod snapshots;
mod world;
