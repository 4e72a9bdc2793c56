//! Tests of the dialect.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "tests")]

mod bad_input;
mod batch;
mod catalogue;
mod flights;
mod functions;
mod fuzz;
mod laws;
mod nexmark;
mod physical;
mod statements;
mod support;
