//! Windows and sessions against a naive reference, on random rows, disorder, lateness, deletions, cuts, shards and
//! restarts. A failure names its seed.
#![expect(clippy::unwrap_used, reason = "tests")]

mod boundaries;
mod fixed;
mod harness;
mod sessions;
