//! The end of the write-ahead log, where the writer appends: the file in use, and going on to the next.
//!
//! Each file has a generation, in its name and in each of its frames; a file that is used again gets a new one, so
//! what is left in it from before is never taken for a commit. A file's first frame says where the one before it
//! ended: up to there everything was durable, and damage there is damage, not a torn end.

use std::sync::Arc;

use super::file::{WalFile, WalPosition, path};
use super::frame::{self, FILE_HEADER_BYTES};
use super::pool::Pool;
use crate::error::{Error, ErrorKind, Result, storage};

/// The place of the next group.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    /// Generation of the file.
    pub(crate) generation: u32,
    /// Everything before this is durable.
    pub(crate) durable: u64,
    /// Bytes that fit.
    pub(crate) bytes: usize,
}

/// Where a group will be written.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) file: Arc<WalFile>,
    pub(crate) at: u64,
}

/// The end of the write-ahead log.
///
/// Invariant: what is before `at` has been written or will be by whoever reserved it, in order.
#[derive(Debug)]
pub(crate) struct Ring {
    pool: Arc<Pool>,
    active: Option<Arc<WalFile>>,
    /// Where the next frame goes in the active file.
    at: u64,
    /// Where the file before the active one ended.
    before: WalPosition,
}

impl Ring {
    /// The end of a log whose last frame ends at `before`: the next one begins a file.
    pub(crate) fn new(pool: Arc<Pool>, before: WalPosition) -> Self {
        Self {
            pool,
            active: None,
            at: 0,
            before,
        }
    }

    /// The end of everything that is durable.
    pub(crate) fn end(&self) -> WalPosition {
        match &self.active {
            Some(file) => WalPosition {
                generation: file.generation,
                at: file.synced(),
            },
            None => self.before,
        }
    }

    /// Whether `bytes` fit into the active file.
    pub(crate) fn fits(&self, bytes: usize) -> bool {
        self.active
            .as_ref()
            .is_some_and(|file| self.at + bytes as u64 <= file.bytes)
    }

    /// Begins files until `bytes` fit; `next` is the number of the next commit. If they do not fit yet, everything that was
    /// reserved must be durable: the new file will say so.
    ///
    /// # Errors
    /// `Unavailable` if the disk is full; then nothing has changed. `Closed` if it is unknown what is on the disk.
    pub(crate) fn make_room(&mut self, bytes: usize, next: u64) -> Result<Room> {
        while !self.fits(bytes) {
            self.begin_file(next)?;
        }
        let Some(file) = &self.active else {
            return Err(Error::new(ErrorKind::Bug, "write-ahead log has no file"));
        };
        Ok(Room {
            generation: file.generation,
            durable: file.synced(),
            bytes: (file.bytes - self.at) as usize,
        })
    }

    fn begin_file(&mut self, next: u64) -> Result<()> {
        // A file that nothing but its start fitted into: where it ends must be true.
        if let Some(file) = self.active.as_ref().filter(|f| f.synced() < self.at) {
            file.sync(0, self.at).map_err(|e| {
                Error::new(ErrorKind::Closed, "write-ahead log cannot be synced").with_source(e)
            })?;
        }
        let before = self.end();
        let file = self.pool.take()?;
        let start = frame::start(before, file.generation, next);
        file.write(&start, FILE_HEADER_BYTES as u64)
            .map_err(|e| storage("write-ahead file", &path(file.generation), e))?;
        self.at = FILE_HEADER_BYTES as u64 + start.len() as u64;
        self.before = before;
        self.active = Some(Arc::new(file));
        Ok(())
    }

    /// Takes the next `bytes`, for which room was made.
    pub(crate) fn reserve(&mut self, bytes: usize) -> Option<Place> {
        let file = Arc::clone(self.active.as_ref()?);
        let at = self.at;
        self.at += bytes as u64;
        Some(Place { file, at })
    }
}
