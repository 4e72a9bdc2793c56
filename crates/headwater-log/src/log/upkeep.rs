//! What the log does by itself now and then, done now; its figures; its end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use super::handle::Log;
use crate::cleanup::Effort;
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
    /// Bytes that the files of the log take now.
    pub disk_bytes: u64,
    /// Bytes that commits may still add before they are refused; `None`: there is no limit.
    pub room_bytes: Option<u64>,
    /// Bytes of memory that [`Options::read_cache_bytes`](crate::Options::read_cache_bytes) bounds, now.
    pub read_cache_bytes: u64,
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
        self.shared().keeper.clean_up(self.shared(), Effort::Whole)
    }

    /// Waits until there is room for the largest commit that was refused with
    /// [`QuotaExceeded`](crate::ErrorKind::QuotaExceeded), or the time is over; gives whether there is. Those who
    /// [subscribe](Self::subscribe) are called when it comes.
    pub fn wait_for_room(&self, timeout: Duration) -> bool {
        self.shared().wait_for_room(timeout)
    }

    /// The [limit](crate::Options::disk_bytes_max) for the bytes of its files; `None`: there is none.
    pub fn disk_bytes_max(&self) -> Option<u64> {
        self.shared().options.disk_bytes_max
    }

    /// Whether there is little room left below the limit, or none: whoever keeps records from being given up by a pin had
    /// better move it.
    pub fn is_short_of_room(&self) -> bool {
        self.shared().budget.is_short()
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
            disk_bytes: self.shared().disk_bytes(),
            room_bytes: self.shared().budget.room(),
            read_cache_bytes: self.shared().lookups.bytes() as u64,
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
