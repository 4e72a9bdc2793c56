//! Figures since the log was opened.

use std::sync::atomic::{AtomicU64, Ordering};

/// Figures since the log was opened.
#[derive(Debug, Default)]
pub(crate) struct Counters {
    pub(crate) commits: AtomicU64,
    pub(crate) groups: AtomicU64,
    pub(crate) wal_bytes: AtomicU64,
    pub(crate) checkpoints: AtomicU64,
}

impl Counters {
    /// A group of `bytes` has been synced.
    pub(crate) fn group(&self, bytes: usize) {
        self.groups.fetch_add(1, Ordering::Relaxed);
        self.wal_bytes.fetch_add(bytes as u64, Ordering::Relaxed);
    }

    pub(crate) fn checkpoint(&self) {
        self.checkpoints.fetch_add(1, Ordering::Relaxed);
    }
}
