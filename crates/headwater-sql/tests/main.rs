//! Tests of the dialect.
#![expect(clippy::unwrap_used, reason = "tests")]

mod nexmark;
mod support;
