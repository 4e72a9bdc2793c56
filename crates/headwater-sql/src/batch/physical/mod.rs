//! DataFusion's operators for a plan over rows in memory, in one partition.
//!
//! The crate `datafusion` has a physical planner for every engine that is built on it: providers, files, repartitioning,
//! extension points. Its price is a third of a clean build (docs/design/0023-physical-plans.md). A query here has its rows
//! in memory and one thread, which leaves one operator for each node of the plan, and a sort where an operator asks
//! for an order. The tests run every plan through both.

mod aggregate;
mod expression;
mod join;
mod node;
mod order;
mod rows;
mod subquery;
mod window;

pub(super) use rows::Rows;
pub(super) use subquery::plan;
