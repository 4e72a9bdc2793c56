//! What all handles and threads of one log share ([`state`]), and the rules by which they meet: who holds the writer's
//! lock runs groups, and whoever lets go of it makes sure that nobody is left waiting ([`turns`]), also if it panics ([`fuse`]).

mod counters;
mod cut;
mod fuse;
mod holds;
mod news;
mod state;
mod turns;
mod usage;

pub(crate) use holds::{Held, PartitionId};
pub use news::Waker;
pub(crate) use state::{Seams, Shared};
