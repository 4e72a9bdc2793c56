//! Event-carried state transfer: a service publishes its state as keyed records, another keeps a local copy of it that it can
//! query without a call, that survives restarts, and that knows how far behind it is.

mod feed;
mod publisher;
mod replica;

pub use feed::{Change, Feed, FeedPage, TopicFeed};
pub use publisher::Publisher;
pub use replica::{Replica, ReplicaStatus};
