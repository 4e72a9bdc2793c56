//! What the log does by itself now and then, done now; its figures; its end.

use std::sync::atomic::Ordering;

use super::handle::Log;
use crate::error::Result;

/// Figures of a log since it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Commits.
    pub commits: u64,
    /// Groups of commits: syncs that somebody waited for.
    pub groups: u64,
    /// Bytes written to the write-ahead log.
    pub wal_bytes: u64,
    /// Checkpoints.
    pub checkpoints: u64,
    /// Bytes of memory that the key indexes take now.
    pub index_bytes: u64,
}

impl Log {
    /// Syncs the segments and frees the write-ahead log before them.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Closed`.
    pub fn checkpoint(&self) -> Result<()> {
        self.shared().keeper.checkpoint(self.shared())
    }

    /// Writes a checkpoint, then gives up what retention lets go and compacts what there is to compact; the log does
    /// the same by itself now and then.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full, `Corrupt`, `Closed`.
    pub fn clean_up(&self) -> Result<()> {
        self.shared().keeper.clean_up(self.shared(), true)
    }

    /// Figures since it was opened.
    pub fn stats(&self) -> Stats {
        let counters = &self.shared().stats;
        Stats {
            commits: counters.commits.load(Ordering::Relaxed),
            groups: counters.groups.load(Ordering::Relaxed),
            wal_bytes: counters.wal_bytes.load(Ordering::Relaxed),
            checkpoints: counters.checkpoints.load(Ordering::Relaxed),
            index_bytes: self.shared().topics().index_bytes(),
        }
    }

    /// Writes a checkpoint and closes the log; every clone then gets `Closed`.
    ///
    /// # Errors
    /// `Closed` if it was poisoned.
    pub fn close(&self) -> Result<()> {
        self.0.close()
    }
}
