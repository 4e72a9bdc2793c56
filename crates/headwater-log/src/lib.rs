//! The durable log of Headwater: records, commits, topics, partitions, segments, key index and positions.

mod batch;
mod clock;
mod commit;
mod error;
mod log;
mod record;

pub use batch::{
    BATCH_BYTES_MAX, BatchBuilder, Codec, HeaderIter, HeadersRef, LogBatch, Producer, RecordRef,
    Records,
};
pub use clock::{Clock, ManualClock, Timestamp};
pub use commit::{Append, Commit, Condition, ExpectedVersion, Query, QueryItem, Receipt};
pub use error::{Error, ErrorKind, Result};
pub use log::Log;
pub use record::{CommitNumber, Header, Offset, Record, TopicPartition, Version};
