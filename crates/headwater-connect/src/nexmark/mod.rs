//! The `nexmark` connector: the events of the Nexmark benchmark, with the columns of the Flink suite's table.

mod connector;
mod decoder;
mod events;
mod file;

pub use connector::NexmarkConnector;
pub use file::{nexmark_schema, write_nexmark_json};
