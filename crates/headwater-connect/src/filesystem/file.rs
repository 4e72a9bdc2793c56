//! One file of an input, whatever its format: pieces of it from any place on, and the same pieces again.

use std::path::{Path, PathBuf};

use headwater_flow::Result;
use headwater_flow::connector::Payload;

/// Whole records of a file.
#[derive(Debug)]
pub(super) struct Piece {
    /// The records.
    pub(super) payload: Payload,
    /// The place after them.
    pub(super) to: u64,
}

/// A file that is read. A place in it is what its format makes of it: a byte after decompression, a row.
pub(super) trait InputFile: Send + Sized {
    /// What the files of a table share: how they are to be read.
    type Reading: Send;

    /// Opens a file; an unreadable one is better found before the pipeline runs.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Invalid` without permission, `Corrupt` if it is no such file.
    fn open(path: PathBuf, reading: &Self::Reading) -> Result<Self>;

    /// Its path.
    fn path(&self) -> &Path;

    /// The next records from `from` on, about `max_bytes` of them; `None` if there are none now. `grows`: what is at
    /// the end may still become a whole record.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    fn next(
        &mut self,
        from: u64,
        max_bytes: usize,
        grows: bool,
        reading: &Self::Reading,
    ) -> Result<Option<Piece>>;

    /// Exactly the records from `from` to `to`.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt` if the file no longer has so many.
    fn again(&mut self, from: u64, to: u64, reading: &Self::Reading) -> Result<Piece>;

    /// The hash of the bytes in the file of a piece that begins at `from`.
    ///
    /// # Errors
    /// `Unavailable`.
    fn hash(&mut self, from: u64, piece: &Piece) -> Result<u64>;

    /// The digest of everything before `to`, from that of everything before `from` and the hash of what lies between.
    fn extended(&self, digest: u64, from: u64, to: u64, hash: u64) -> u64;

    /// The digest of everything before `to`.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt` if the file no longer has so much.
    fn digest(&mut self, to: u64) -> Result<u64>;

    /// Closes what is open; reading opens it again.
    fn close(&mut self);
}
