//! Event time: watermarks, idleness, lateness. Watermarks advance here and nowhere else.
//!
//! A [`WatermarkTracker`] follows one input of a pipeline: partition by partition, epoch by epoch. What it knows is a
//! [`TrackerState`], recorded in each epoch's commit, so that a replay judges every row as it was judged first.
//! [`Combiner`] takes the minimum where inputs meet. [`Watermark::has_closed`] is the one place that says when a
//! window is closed and when a row is late for it.

mod combiner;
mod micros;
mod partition;
mod point;
mod recorded;
#[cfg(test)]
mod tests;
mod tracker;

pub use combiner::{Combiner, InputTime};
pub use micros::{from_micros, to_micros};
pub use partition::{PartitionStatus, PartitionTime};
pub use point::{EventTime, Origin, Watermark};
pub use recorded::{TrackerChange, TrackerState};
pub use tracker::{TrackerOptions, WatermarkTracker};
