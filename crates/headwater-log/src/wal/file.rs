//! One file of the write-ahead log: its name, and how far it is durable.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::frame::FILE_HEADER_BYTES;
use crate::disk::{Disk, DiskFile, OpenMode};

/// Directory of the write-ahead log.
pub(crate) const WAL_DIR: &str = "wal";

/// Syncs of one file that may run at a time.
pub(crate) const SYNCS_MAX: usize = 2;

/// Path of the file of a generation.
pub(crate) fn path(generation: u32) -> String {
    format!("{WAL_DIR}/{generation:010}.wal")
}

/// The generation of a file by its name.
pub(crate) fn generation_of(name: &str) -> Option<u32> {
    name.strip_suffix(".wal")?.parse().ok()
}

/// A place in the write-ahead log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct WalPosition {
    pub(crate) generation: u32,
    pub(crate) at: u64,
}

/// A file ready to be written to.
#[derive(Debug)]
pub(crate) struct WalFile {
    pub(crate) generation: u32,
    pub(crate) bytes: u64,
    /// As often open as it may be synced at a time: of an error in writing it back each handle hears once.
    handles: [Arc<dyn DiskFile>; SYNCS_MAX],
    /// Everything before this is durable.
    synced: AtomicU64,
}

impl WalFile {
    /// A file that has its header and no frame; `file` is open.
    ///
    /// # Errors
    /// As of the file system.
    pub(crate) fn new(
        disk: &dyn Disk,
        generation: u32,
        bytes: u64,
        file: Arc<dyn DiskFile>,
    ) -> io::Result<Self> {
        let other = disk.open(&path(generation), OpenMode::Write)?;
        Ok(Self {
            generation,
            bytes,
            handles: [file, other],
            synced: AtomicU64::new(FILE_HEADER_BYTES as u64),
        })
    }

    /// Everything before this is durable.
    pub(crate) fn synced(&self) -> u64 {
        self.synced.load(Ordering::Acquire)
    }

    /// Writes frames.
    ///
    /// # Errors
    /// As of the file system; some of the bytes may have been written.
    pub(crate) fn write(&self, frames: &[u8], at: u64) -> io::Result<()> {
        self.handles[0].write_at(frames, at)
    }

    /// Makes everything before `end` durable, which was written before. No two syncs at a time have the same `slot`.
    ///
    /// # Errors
    /// After an error it is unknown what is on the disk: the log must be poisoned.
    pub(crate) fn sync(&self, slot: usize, end: u64) -> io::Result<()> {
        self.handles[slot].sync()?;
        self.synced.fetch_max(end, Ordering::AcqRel);
        Ok(())
    }
}
