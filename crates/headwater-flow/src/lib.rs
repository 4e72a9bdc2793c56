//! The engine of Headwater: synchronous epochs over weighted Arrow batches.
//!
//! The way of a batch: [`connector`] (sources decode) → [`time`] (watermarks) → [`operator`]s of a circuit lowered
//! from a [`plan`] → sinks; the driver commits each epoch to the log.

pub mod batch;
mod changelog;
pub mod circuit;
pub mod connector;
pub mod driver;
mod error;
pub mod functions;
pub mod operator;
pub mod plan;
pub mod state;
pub mod time;

pub use batch::{RowTrack, ZBatch};
pub use changelog::{Changelog, RowKind};
pub use error::{Error, ErrorKind, Result, tidy};
