//! Event-carried state transfer: a service publishes its state as keyed records, another keeps a local copy of it that it can
//! query without a call, that survives restarts, and that knows how far behind it is.

mod copy;
mod feed;
mod publisher;

pub use copy::{Replica, ReplicaStatus};
pub use feed::{Change, Feed, FeedPage, TopicFeed};
pub use publisher::Publisher;
