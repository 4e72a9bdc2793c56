//! Contract and property tests of formats and connectors.
#![expect(clippy::unwrap_used, reason = "tests")]

mod contract;
mod filesystem;
mod json;
mod support;
mod topic;
