//! Contract and property tests of formats and connectors.
#![expect(clippy::unwrap_used, reason = "tests")]
#![expect(clippy::print_stderr, reason = "tests print their seeds")]

mod broken;
mod changelog;
mod contract;
mod csv;
mod filesystem;
mod generators;
mod json;
mod mutation;
mod parquet;
mod properties;
mod resume;
mod sinks;
mod support;
mod topic;
