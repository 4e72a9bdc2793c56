//! [`Scratch`]: room on the log's disk for what does not fit into memory for a while. It belongs to no partition and is never
//! durable; what a process leaves behind is removed when the log is opened.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Log;
use crate::disk::{Disk, DiskFile, OpenMode};
use crate::error::{Result, storage};

/// The directory of such files.
const SCRATCH_DIR: &str = "scratch";
const WHAT: &str = "scratch file";

/// A file that is gone when this is dropped.
#[derive(Debug)]
pub struct Scratch {
    disk: Arc<dyn Disk>,
    path: String,
    file: Arc<dyn DiskFile>,
}

impl Log {
    /// Makes a file for what does not fit into memory. Its bytes do not count for the limit of the log.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn scratch(&self) -> Result<Scratch> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let path = format!("{SCRATCH_DIR}/{}", NEXT.fetch_add(1, Ordering::Relaxed));
        let disk = Arc::clone(&self.shared().disk);
        let file = disk.open(&path, OpenMode::Create);
        Ok(Scratch {
            file: file.map_err(|e| storage(WHAT, &path, e))?,
            disk,
            path,
        })
    }
}

impl Scratch {
    /// Writes all of `bytes` at position `at`.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn write(&self, bytes: &[u8], at: u64) -> Result<()> {
        let written = self.file.write_at(bytes, at);
        written.map_err(|e| storage(WHAT, &self.path, e))
    }

    /// Fills `into` from position `at`.
    ///
    /// # Errors
    /// `Corrupt` if less was written, `Unavailable`.
    pub fn read(&self, into: &mut [u8], at: u64) -> Result<()> {
        let read = self.file.read_at(into, at);
        read.map_err(|e| storage(WHAT, &self.path, e))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is removed when the log is opened.
        drop(self.disk.remove(&self.path));
    }
}

/// Removes what was left behind.
///
/// # Errors
/// `Unavailable`.
pub(super) fn sweep(disk: &dyn Disk) -> Result<()> {
    let names = disk.list(SCRATCH_DIR);
    for name in names.map_err(|e| storage("directory", SCRATCH_DIR, e))? {
        let path = format!("{SCRATCH_DIR}/{name}");
        disk.remove(&path).map_err(|e| storage(WHAT, &path, e))?;
    }
    Ok(())
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::*;
    use crate::clock::{ManualClock, Timestamp};
    use crate::disk::MemDisk;
    use crate::options::Options;

    fn names(disk: &dyn Disk) -> Vec<String> {
        disk.list(SCRATCH_DIR).unwrap()
    }

    #[test]
    fn what_is_written_can_be_read_and_goes_when_it_is_dropped_or_left_behind() {
        let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
        let clock = Arc::new(ManualClock::new(Timestamp(0)));
        let open = || Log::open(Arc::clone(&disk), clock.clone(), Options::default()).unwrap();
        let log = open();
        let (one, other) = (log.scratch().unwrap(), log.scratch().unwrap());
        one.write(b"abc", 2).unwrap();
        other.write(b"xyz", 0).unwrap();
        let mut bytes = [0; 3];
        one.read(&mut bytes, 2).unwrap();
        assert_eq!(&bytes, b"abc");
        assert!(one.read(&mut bytes, 3).is_err());
        drop(one);
        assert_eq!(names(&*disk).len(), 1);
        std::mem::forget(other);
        drop(log);
        drop(open());
        assert_eq!(names(&*disk), [""; 0]);
    }
}
