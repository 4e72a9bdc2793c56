//! The two traits of the seam, and what needs nothing but them.
//!
//! Paths are relative to the disk's root, with `/` between their parts.

use std::fmt;
use std::io;
use std::sync::Arc;

/// How a file is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OpenMode {
    /// To read; it must be there.
    Read,
    /// To read and write; it must be there.
    Write,
    /// To read and write; made, with its directories, if it is not there.
    Create,
}

/// A tree of files.
///
/// # Durability
/// That a file was made, renamed or removed is durable after [`sync_dir`](Disk::sync_dir) of its directory.
pub trait Disk: Send + Sync + fmt::Debug {
    /// Opens a file.
    ///
    /// # Errors
    /// As of the file system.
    fn open(&self, path: &str, mode: OpenMode) -> io::Result<Arc<dyn DiskFile>>;

    /// Names of the files and directories in a directory, in any order; none if there is no such directory.
    ///
    /// # Errors
    /// As of the file system.
    fn list(&self, dir: &str) -> io::Result<Vec<String>>;

    /// Renames a file within its directory, replacing what has the name.
    ///
    /// # Errors
    /// As of the file system.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file or an empty directory; it is no error if there is none.
    ///
    /// # Errors
    /// As of the file system.
    fn remove(&self, path: &str) -> io::Result<()>;

    /// Makes what was made, renamed and removed in a directory durable, and the directory's own place in its
    /// parents.
    ///
    /// # Errors
    /// As of the file system.
    fn sync_dir(&self, dir: &str) -> io::Result<()>;
}

/// An open file.
pub trait DiskFile: Send + Sync + fmt::Debug {
    /// Fills `into` from position `at`.
    ///
    /// # Errors
    /// `UnexpectedEof` if the file is shorter.
    fn read_at(&self, into: &mut [u8], at: u64) -> io::Result<()>;

    /// Writes all of `bytes` at position `at`, making the file longer if need be.
    ///
    /// # Errors
    /// As of the file system; some of the bytes may have been written.
    fn write_at(&self, bytes: &[u8], at: u64) -> io::Result<()>;

    /// Writes all of `parts`, one after the other, from position `at`, as [`write_at`](Self::write_at) would. Made for many
    /// bytes that are not read again soon: the page cache need not hold them afterwards.
    ///
    /// # Errors
    /// As of the file system; some of the bytes may have been written.
    fn write_parts(&self, parts: &[&[u8]], mut at: u64) -> io::Result<()> {
        for part in parts {
            self.write_at(part, at)?;
            at += part.len() as u64;
        }
        Ok(())
    }

    /// Makes all that was written durable.
    ///
    /// # Errors
    /// After an error it is unknown what is on the disk.
    fn sync(&self) -> io::Result<()>;

    /// Its length in bytes.
    ///
    /// # Errors
    /// As of the file system.
    fn size(&self) -> io::Result<u64>;

    /// Takes room on the disk up to `end`, so that writing there cannot find the disk full; the length stays.
    ///
    /// # Errors
    /// `StorageFull`.
    fn reserve(&self, end: u64) -> io::Result<()>;
}

/// The directory that a path lies in.
pub(crate) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(dir, _)| dir)
}

/// Reads a whole file.
pub(crate) fn read_all(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let len = usize::try_from(file.size()?).map_err(io::Error::other)?;
    let mut bytes = vec![0; len];
    file.read_at(&mut bytes, 0)?;
    Ok(bytes)
}
