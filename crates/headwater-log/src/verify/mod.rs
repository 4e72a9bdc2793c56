//! Looking for damage without touching anything: every byte that the log relies on is read and checked, and what is
//! wrong is reported with its place.

mod report;
mod runs;
mod segments;
mod whole;

pub use report::{FINDINGS_MAX, Finding, VerifyReport};
pub use whole::{verify, verify_dir};
