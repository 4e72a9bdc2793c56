//! The JSON of Debezium, Maxwell and Canal: envelopes that say what a row was and what it is.
//!
//! A change of a row is its old self with weight −1 and its new self with weight 1. A table with a primary key needs the
//! key of the former only.

mod canal;
mod debezium;
mod decoder;
mod encoder;
mod flat;
mod included;
mod maxwell;
mod metadata;
mod rows;

pub use canal::CANAL_JSON;
pub use debezium::DebeziumJsonFormat;
pub use flat::FlatJsonFormat;
pub use maxwell::MAXWELL_JSON;
pub(crate) use metadata::check_metadata;
