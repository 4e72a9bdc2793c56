//! The durable log of Headwater: records, commits, topics, partitions, segments, key index and positions.

mod batch;
mod cleanup;
mod clock;
mod commit;
mod disk;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod keyindex;
mod log;
mod options;
mod partitioner;
mod record;
mod topic;

pub use batch::{
    BATCH_BYTES_MAX, BatchBuilder, Codec, HeaderIter, HeadersRef, LogBatch, Producer, RecordRef,
    Records,
};
pub use clock::{Clock, ManualClock, Timestamp};
pub use commit::{Append, Commit, Condition, ExpectedVersion, Query, QueryItem, Receipt};
pub use error::{ConflictDetail, Error, ErrorKind, Result};
pub use log::{Fetched, Log, Pending, Pin, Stats, Subscription, Waker};
pub use options::Options;
pub use partitioner::{murmur2, partition_of};
pub use record::{CommitNumber, Header, Offset, Record, TopicPartition, Version};
pub use topic::{
    Bounds, Cleanup, PARTITIONS_MAX, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, TOPIC_NAME_BYTES_MAX,
    TopicConfig, TopicDescription,
};
