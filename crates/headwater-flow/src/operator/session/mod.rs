//! Session windows: per key the rows that are at most a gap apart, aggregated.

mod aggregate;
mod assign;
mod changing;
mod due;
mod instants;
mod sessions;

pub(crate) use aggregate::{SessionAggregate, SessionOptions};
pub use assign::{SessionAssign, SessionAssignSpec};
pub(crate) use changing::ChangingSessions;
