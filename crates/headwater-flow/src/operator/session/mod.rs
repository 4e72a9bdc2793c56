//! Session windows: per key the rows that are at most a gap apart, aggregated.

mod aggregate;
mod due;
mod sessions;

pub use aggregate::{SessionAggregate, SessionOptions};
