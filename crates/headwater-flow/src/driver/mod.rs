//! The driver of a pipeline: polls sources, steps the circuit, commits each epoch with its input ranges, recovers.
//!
//! Two halves: the schedule decides, purely; the [`Pipeline`] does. What an epoch leaves behind is its record in the
//! journal; what all epochs left behind is a snapshot in the store.

mod control;
mod errors;
mod journal;
mod kept;
mod output;
mod pipeline;
mod read;
mod schedule;
mod signal;
mod snapshot;
mod store;

pub use control::{Control, Phase, Status, ViewContent};
pub use pipeline::{Pipeline, PipelineSpec};
pub use schedule::{Action, Ending, Limits};
pub use store::stored_shards;
