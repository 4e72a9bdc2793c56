//! `UNNEST(…)` beside a table: each row once an element of an array or map of its own.
//!
//! DataFusion plans a relation without those before it, so `rewrite` puts them into the relation as an argument, and `relation`
//! plans both as one.

mod relation;
mod rewrite;

pub(super) use relation::plan;
pub(super) use rewrite::{Carried, rewrite};
