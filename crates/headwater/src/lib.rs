//! Headwater as a library: open a data directory, run SQL over it, produce to its topics and read them.
//!
//! `default-features = false` leaves the command line out.

mod clock;
mod engine;
mod error;
#[cfg(doctest)]
mod guide;
mod system;
pub mod testkit;

pub use clock::SystemClock;
pub use engine::{
    Answer, Answers, Changes, Checked, Checker, Headwater, JobInfo, Options, Rows, Script, Waited,
};
pub use error::{Error, ErrorKind, Result};
pub use headwater_events as events;
pub use headwater_flow::driver::{Phase, Status, Succeeded};
pub use headwater_log::{Header, Offset, Receipt, Record};
