//! The circuit of a pipeline: what it consists of ([`Circuit`]), and how rows run through it, epoch by epoch.
//!
//! Stateless operators are edges, run chunk by chunk on all threads; keyed operators are nodes with a fixed number of
//! shards. Batches keep their canonical order from the inputs to the outputs.

mod apply;
mod graph;
mod run;
mod supersede;

pub use graph::{Circuit, EpochClock, Feed, KeyedNode, Port, Producer};
pub use run::Outcome;

#[cfg(test)]
mod tests;
