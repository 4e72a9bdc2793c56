//! Session windows: per key the rows that are at most a gap apart, aggregated.

mod aggregate;
mod assign;
mod changing;
mod due;
mod frame;
mod instants;
mod sessions;
mod stored;

pub(crate) use aggregate::SessionAggregate;
pub use assign::{SessionAssign, SessionAssignSpec};
pub(crate) use changing::ChangingSessions;
pub(crate) use frame::SessionOptions;
