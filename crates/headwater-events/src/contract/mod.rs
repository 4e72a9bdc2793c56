//! The suite that every event store must pass: [`run`] tries each law on a fresh store, and [`oracle`] checks random
//! concurrent appends against the log that they leave.
#![expect(
    clippy::unwrap_used,
    reason = "a test suite: what goes wrong is to panic"
)]

mod appending;
mod conditions;
mod lifecycle;
mod once;
pub mod oracle;
mod reading;
mod subscribing;
mod suite;

pub use suite::run;
