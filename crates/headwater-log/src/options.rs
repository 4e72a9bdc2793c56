//! The bounds within which a log works. The defaults suit a server; tests make them small.

use std::time::Duration;

use crate::error::{Error, ErrorKind, Result};
use crate::topic::SEGMENT_BYTES_MIN;

/// The smallest limit for the bytes of a log.
pub const DISK_BYTES_MIN: u64 = 1 << 20;
/// One in so many bytes of the limit may be the write-ahead log's.
const WAL_SHARE: u64 = 8;
/// One in so many bytes of the limit may be one write-ahead file's.
const WAL_FILE_SHARE: u64 = 64;
/// One in so many bytes of the limit may be one segment's.
const SEGMENT_SHARE: u64 = 64;

/// The bounds of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Bytes that all files of the log may take; `None`: as many as the disk has. Commits that would need more are refused
    /// with [`QuotaExceeded`](crate::ErrorKind::QuotaExceeded) until there is room. At least [`DISK_BYTES_MIN`]; of a small limit
    /// the write-ahead log takes no more than its share, whatever its own bounds are, and segments are closed earlier. While a partition is compacted, its
    /// old and its new segments are there at the same time: for that moment the log may take more by what is rewritten.
    pub disk_bytes_max: Option<u64>,
    /// Size of a write-ahead file; the first ones are smaller and double up to this.
    pub wal_file_bytes: u64,
    /// Write-ahead bytes beyond which commits are refused until a checkpoint has succeeded.
    pub wal_bytes_max: u64,
    /// The most bytes that are written with one sync.
    pub group_bytes_max: usize,
    /// Batches of at least this size go straight to their segment instead of through the write-ahead log; where many come
    /// at once, those of a quarter of it do too, and all batches of an append of four times as much.
    pub direct_bytes: usize,
    /// Records are cut into batches of about this size.
    pub batch_bytes: usize,
    /// Bytes that may wait in memory before they are written to their segments.
    pub flush_bytes: usize,
    /// Bytes that may go straight to segments before a checkpoint is due.
    pub checkpoint_bytes: usize,
    /// Bytes of memory that the newest part of a key index may take before a checkpoint is due.
    pub index_bytes: usize,
    /// Bytes of memory for batches and indexes of segments that were read, as reads by key do.
    pub read_cache_bytes: usize,
    /// How often retention and compaction look for something to do, besides after each checkpoint.
    pub cleanup_interval: Duration,
    /// Keys that one round of compaction looks at: 32 bytes of memory each.
    pub compaction_keys_max: usize,
    /// Commits that may wait for their group before `submit` blocks; about as many may be in groups that are not durable yet.
    pub queue_commits_max: usize,
    /// Bytes of records that may wait for their group before `submit` blocks.
    pub queue_bytes_max: usize,
    /// Whether a writer and a keeper thread do the work; if not, whoever waits for a commit does it, so that a
    /// simulation is deterministic.
    pub threads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            disk_bytes_max: None,
            wal_file_bytes: 64 << 20,
            wal_bytes_max: 512 << 20,
            group_bytes_max: 8 << 20,
            direct_bytes: 256 << 10,
            batch_bytes: 1 << 20,
            flush_bytes: 4 << 20,
            checkpoint_bytes: 128 << 20,
            index_bytes: 64 << 20,
            read_cache_bytes: 32 << 20,
            cleanup_interval: Duration::from_secs(300),
            compaction_keys_max: 2 << 20,
            queue_commits_max: 8 << 10,
            queue_bytes_max: 32 << 20,
            threads: true,
        }
    }
}

impl Options {
    /// With bounds for the write-ahead log that go with the limit for all.
    ///
    /// # Errors
    /// `Invalid` if the limit is too small.
    pub(crate) fn fitted(mut self) -> Result<Self> {
        let Some(max) = self.disk_bytes_max else {
            return Ok(self);
        };
        if max < DISK_BYTES_MIN {
            let text =
                format!("a log takes at least {DISK_BYTES_MIN} bytes, but its limit is {max}");
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        self.wal_bytes_max = self.wal_bytes_max.min(max / WAL_SHARE);
        self.wal_file_bytes = self.wal_file_bytes.min(max / WAL_FILE_SHARE);
        Ok(self)
    }

    /// The size at which segments are closed, whatever their topics say: only closed ones can go.
    pub(crate) fn segment_bytes_max(&self) -> u64 {
        let max = self.disk_bytes_max.unwrap_or(u64::MAX);
        (max / SEGMENT_SHARE).max(SEGMENT_BYTES_MIN)
    }

    /// The most bytes that the files of the write-ahead log take: those that hold frames, and spare ones.
    pub(crate) fn wal_bytes_most(&self) -> u64 {
        self.wal_bytes_max + 3 * self.wal_file_bytes
    }

    /// The most that one commit may take of the write-ahead log.
    pub(crate) fn inline_bytes_max(&self) -> usize {
        self.group_bytes_max.min(self.wal_file_bytes as usize / 4)
    }
}
