//! The driver of a pipeline: polls sources, steps the circuit, commits each epoch with its input ranges, recovers.
//!
//! Two halves: the schedule decides, purely; the [`Pipeline`] does, each part of it in a file of its own (`epoch`,
//! `commit`, `snapshot`, `recover`). What an epoch leaves behind is its record in the journal; what all epochs left
//! behind is a snapshot in the store.

mod commit;
mod control;
mod epoch;
mod errors;
mod forget;
mod input;
mod journal;
mod kept;
mod output;
mod pipeline;
mod read;
mod recover;
mod retry;
mod schedule;
mod seam;
mod signal;
mod snapshot;
mod store;
mod succeed;
mod supervise;
#[cfg(test)]
mod tests;

pub use control::{Control, Phase, Status};
pub use forget::forget;
pub use journal::stored_shards;
pub use kept::{errors_topic, late_topic};
pub use pipeline::{Pipeline, PipelineSpec, ViewContent};
pub use schedule::{Action, Ending, Limits};
pub use succeed::{Muted, Succeeded};
pub use supervise::supervise;
