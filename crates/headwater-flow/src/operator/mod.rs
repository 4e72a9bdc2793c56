//! The operators of the circuit: synchronous, vectorised, one file or folder each. They start no I/O, know no
//! clock but the [`EpochContext`], and keep what they must remember in [`crate::state`] only.

mod aggregate;
mod calc;
mod contract;
mod current_watermark;
mod exchange;
mod expand;
mod group;
mod repeat;
mod require;
mod session;
mod unnest;
mod upsert;
mod view;
mod window;
#[cfg(test)]
mod window_tests;

pub use aggregate::{AggregateCall, AggregateFunction, AggregateMode, AggregateSet};
pub use calc::{Calc, Projection, Results, evaluate};
pub use contract::{EpochContext, Operator, Outbox, Stateless};
pub use current_watermark::CurrentWatermark;
pub use exchange::{Exchange, KEY_GROUPS, shard_of};
pub use expand::{Expand, GroupingSet};
pub use group::GroupAggregate;
pub use repeat::Repeat;
pub use require::Require;
pub use session::{SessionAssign, SessionAssignSpec};
pub use unnest::Unnest;
pub use upsert::Upsert;
pub use view::View;
pub use window::{WindowAggregate, WindowAggregateSpec, WindowAssign, WindowColumn, WindowMode};
