//! The SQL dialect: statements, catalogue, planning onto flow, views and queries.
//!
//! Way of a text: [`parse`] (our own statement parser over sqlparser's tokens) → a session looks names up in the
//! catalogue → the planner makes DataFusion `LogicalPlan`s over `StreamTable`s, with our own nodes for windows.

pub mod batch;
pub mod catalogue;
mod error;
mod functions;
mod fuzz;
mod options;
mod planner;
mod secrets;
mod session;
pub mod statement;

pub use error::{Place, Result, SqlError, SqlErrorKind};
pub use fuzz::fuzz_statements;
pub use options::TABLE_OPTIONS;
pub use planner::{QueryPlace, count_rows};
pub use secrets::masked;
pub use session::{Planned, PlannedOutput, PlannedPipeline, PlannedQuery, Session};
pub use statement::{ParsedStatement, Statement, parse};
