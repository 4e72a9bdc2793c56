//! The log as its users see it: [`handle`] opens it and commits, [`keyed_commit`] is the short way for event stores, [`topics`] is metadata, [`reading`] what is durable,
//! [`upkeep`] what it does by itself now and then, [`scratch`] room for what does not fit into memory.

mod cut;
mod handle;
mod keyed_commit;
mod owner;
mod reading;
mod scratch;
mod topics;
mod upkeep;

pub use cut::ReadCut;
pub use handle::Log;
pub use keyed_commit::KeyedCommit;
pub use reading::Subscription;
pub use scratch::Scratch;
pub use topics::Pin;
pub use upkeep::Stats;
