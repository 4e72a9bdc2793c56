//! The durable log of Headwater: records, commits, topics, partitions, segments, key index and positions.

mod batch;
mod blocking;
mod budget;
mod cache;
mod change;
mod checkpoint;
mod checksum;
mod cleanup;
mod clock;
mod commit;
mod disk;
mod error;
#[doc(hidden)]
pub mod fuzz;
mod keeper;
mod keyed;
mod keyindex;
mod log;
mod lookup;
mod memory;
mod options;
mod partition;
mod partitioner;
mod pending;
mod positions;
mod read;
mod record;
mod recover;
mod segment;
mod shared;
#[doc(hidden)]
pub mod simulation;
mod topic;
mod topics;
mod verify;
mod wal;
mod writer;

pub use batch::{
    BATCH_BYTES_MAX, BatchBuilder, Codec, HeaderBuf, HeaderIter, HeadersRef, LogBatch, OpenBatch,
    Producer, RecordRef, Records,
};
pub use blocking::poll_and_write;
pub use clock::{Clock, ManualClock, Timestamp};
pub use commit::{Append, Commit, Condition, ExpectedVersion, Query, QueryItem, Receipt};
pub use disk::{Disk, DiskFile, MemDisk, OpenMode, RealDisk};
pub use error::{ConflictDetail, Error, ErrorKind, Result};
pub use keyed::{Direction, Found, FoundRecord, KeyedRecord, KeyedRef, ReadKey};
pub use log::{KeyedCommit, Log, Pin, ReadCut, Scratch, Stats, Subscription};
pub use options::{DISK_BYTES_MIN, Options};
pub use partitioner::{murmur2, partition_of};
pub use pending::Pending;
pub use read::Fetched;
pub use record::{CommitNumber, Header, Offset, Record, TopicPartition, Version};
pub use shared::Waker;
pub use topic::{
    Bounds, Cleanup, PARTITIONS_MAX, SEGMENT_BYTES_MAX, SEGMENT_BYTES_MIN, TOPIC_NAME_BYTES_MAX,
    TopicConfig, TopicDescription,
};
pub use verify::{FINDINGS_MAX, Finding, VerifyReport, verify, verify_dir};
