//! From parsed queries to DataFusion `LogicalPlan`s over `StreamTable`s and our own nodes.
//!
//! Way of a query: `casing` (unquoted names find their columns) → `group_window` (old window syntax) → `SqlToRel` with
//! our `context` and `window` relations → `optimize` (analyzer and the rules that are safe on unbounded input).

mod blame;
mod call;
mod canonical;
mod casing;
mod constants;
mod context;
mod continuous;
mod convert;
mod counted;
mod fields;
mod group_window;
mod grouping;
mod hints;
mod insert;
mod json;
mod literals;
mod optimize;
mod overflow;
mod phrases;
mod places;
mod positional;
mod query;
mod sugar;
mod system_time;
mod table;
mod unnest;
mod window;
mod wording;

pub use blame::QueryPlace;
pub(crate) use blame::Written;
pub(crate) use casing::relations;
pub(crate) use context::{Names, Relation, find};
pub(crate) use convert::from_datafusion;
pub use counted::count_rows;
pub(crate) use insert::{insert_plan, is_written};
pub(crate) use optimize::{config as settings, optimize, optimize_batch, unrepeatable};
pub(crate) use query::Planner;
pub(crate) use table::{
    ALLOWED_LATENESS, DEFAULT_CONNECTOR, FORMAT_KEYS, IDLE_TIMEOUT, SYSTEM_TIME, define_table,
    describe, plain, with_options,
};
pub(crate) use wording::readable;
