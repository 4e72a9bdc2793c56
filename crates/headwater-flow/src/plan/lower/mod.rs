//! Lowers optimised DataFusion plans onto the operators of a circuit.
//!
//! Every relation on the way is a set of feeds with a pending predicate and pending expressions over their rows
//! ([`relation`]); they become one `Calc` where an operator needs real columns. Plans are lowered twice: the first time
//! over whole tables, to see which columns and struct fields are used, then over just those.

mod aggregate;
mod attached;
mod build;
mod clock;
mod expr;
mod interval;
mod output;
mod reasons;
mod relation;
mod scan;
mod share;
mod source;
mod spec;
mod union;
mod unnest;
mod usage;
mod watermark;
mod window;
#[cfg(test)]
mod window_tests;
mod windowed;

pub use build::{lower, lower_measured};
pub use clock::is_clock_function;
pub use expr::physical;
pub use reasons::Reasons;
pub use spec::{Emit, Lowered, OutputInfo, OutputPlan, PlanOptions, ScanInput};
pub(in crate::plan) use usage::field_path;
