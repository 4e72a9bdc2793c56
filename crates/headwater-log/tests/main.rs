//! The integration tests of the log.

mod batch_mutation;
mod mutation;
