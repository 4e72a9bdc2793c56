//! The bounds within which a log works. The defaults suit a server; tests make them small.

use std::time::Duration;

/// The bounds of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// Size of a write-ahead file; the first ones are smaller and double up to this.
    pub wal_file_bytes: u64,
    /// Write-ahead bytes beyond which commits are refused until a checkpoint has succeeded.
    pub wal_bytes_max: u64,
    /// The most bytes that are written with one sync.
    pub group_bytes_max: usize,
    /// Batches of at least this size go straight to their segment instead of through the write-ahead log.
    pub direct_bytes: usize,
    /// Records are cut into batches of about this size.
    pub batch_bytes: usize,
    /// Bytes that may wait in memory before they are written to their segments.
    pub flush_bytes: usize,
    /// Bytes that may go straight to segments before a checkpoint is due.
    pub checkpoint_bytes: usize,
    /// Bytes of memory that the newest part of a key index may take before a checkpoint is due.
    pub index_bytes: usize,
    /// How often retention and compaction look for something to do, besides after each checkpoint.
    pub cleanup_interval: Duration,
    /// Keys that one round of compaction looks at: 32 bytes of memory each.
    pub compaction_keys_max: usize,
    /// Commits that may wait in the queue before `submit` blocks.
    pub queue_commits_max: usize,
    /// Bytes of records that may wait in the queue before `submit` blocks.
    pub queue_bytes_max: usize,
    /// Whether a writer and a keeper thread do the work; if not, whoever waits for a commit does it, so that a
    /// simulation is deterministic.
    pub threads: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            wal_file_bytes: 64 << 20,
            wal_bytes_max: 512 << 20,
            group_bytes_max: 8 << 20,
            direct_bytes: 256 << 10,
            batch_bytes: 1 << 20,
            flush_bytes: 4 << 20,
            checkpoint_bytes: 128 << 20,
            index_bytes: 64 << 20,
            cleanup_interval: Duration::from_secs(300),
            compaction_keys_max: 2 << 20,
            queue_commits_max: 16 << 10,
            queue_bytes_max: 32 << 20,
            threads: true,
        }
    }
}

impl Options {
    /// The most that one commit may take of the write-ahead log.
    pub(crate) fn inline_bytes_max(&self) -> usize {
        self.group_bytes_max.min(self.wal_file_bytes as usize / 4)
    }
}
