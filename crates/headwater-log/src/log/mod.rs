//! The log as its users see it: [`handle`] opens it and commits, [`topics`] is metadata, [`reading`] what is durable,
//! [`upkeep`] what it does by itself now and then.

mod cut;
mod handle;
mod owner;
mod reading;
mod topics;
mod upkeep;

pub use cut::ReadCut;
pub use handle::Log;
pub use reading::Subscription;
pub use topics::Pin;
pub use upkeep::Stats;
