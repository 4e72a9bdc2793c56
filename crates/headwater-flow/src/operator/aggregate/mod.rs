//! Aggregate functions over weighted rows: typed columns of state by slot (the number of a group, pane or session), no
//! object a group. All of them take deletions; those that are cheaper without are told at build time that their input
//! is append-only.

mod call;
mod count;
mod distinct;
mod extreme;
mod float;
mod list;
mod logical;
mod rows;
mod set;
mod sum;
mod variance;

#[cfg(test)]
mod tests;

pub use call::{AggregateCall, AggregateFunction};
pub use set::{AggregateMode, AggregateSet};
