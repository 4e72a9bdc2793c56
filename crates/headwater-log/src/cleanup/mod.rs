//! What makes a partition shorter: retention by size and time, and compaction by key.
//!
//! Deciding is pure ([`retention`], [`plan`]); doing it ends in a change that is committed like everything else, so that a
//! restart finds either all of it or nothing. Neither ever goes past the lowest pin, nor into the open segment.

mod compact;
mod newest;
mod plan;
mod retention;
mod rewrite;
mod round;

pub(crate) use plan::Effort;

#[cfg(test)]
mod tests;
