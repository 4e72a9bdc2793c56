//! [`Budget`]: how many bytes the files of a log may take, and whether a commit still fits. The writer asks it before it
//! decides a commit; the keeper measures behind each checkpoint, and between two of them what commits add is counted.
//!
//! Of the limit a part is set apart for the write-ahead log, and a reserve for commits to internal topics alone: whoever
//! saves state there lets go of records that are pinned for it. Changes of the metadata are never refused for their bytes,
//! but for new topics: trims, deletions and pins are what makes room.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, ErrorKind, Result};
use crate::options::Options;
use crate::segment::index::ENTRY_BYTES;
use crate::writer::request::Prepared;

/// One in so many bytes of the limit is the reserve.
const RESERVE_SHARE: u64 = 16;
/// With less than one in so many bytes of the limit left, room is short.
const SHORT_SHARE: u64 = 4;

/// The bytes of a log.
#[derive(Debug)]
pub(crate) struct Budget {
    /// What `disk_bytes_max` leaves for records, the reserve included; `None`: there is no limit.
    records_max: Option<u64>,
    reserve: u64,
    /// Bytes that commits have taken since the log was opened. Only the writer changes it.
    placed: AtomicU64,
    /// What was measured, less what was placed at that time; wraps.
    before: AtomicU64,
    /// The largest commit that was refused since there was room for it; 0: none.
    refused: AtomicU64,
}

/// What a commit adds to the segments.
fn bytes_of(commit: &Prepared) -> u64 {
    let batches = commit.appends.iter().flat_map(|append| &append.batches);
    let bytes = batches.map(|b| (b.batch.bytes().len() + ENTRY_BYTES) as u64);
    bytes.sum()
}

/// The error for a commit that no room is large enough for: to wait for it would be in vain.
fn too_large(bytes: u64, most: u64) -> Error {
    let text = format!(
        "commit adds {bytes} bytes to a log that its limit leaves {most} bytes for records"
    );
    Error::new(ErrorKind::Invalid, text).with_hint("write less at a time, or raise the limit")
}

impl Budget {
    pub(crate) fn new(options: &Options) -> Self {
        let wal = options.wal_bytes_most();
        let records_max = options.disk_bytes_max.map(|max| max.saturating_sub(wal));
        Self {
            records_max,
            reserve: options.disk_bytes_max.unwrap_or(0) / RESERVE_SHARE,
            placed: AtomicU64::new(0),
            before: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    /// Bytes that commits have taken since the log was opened.
    pub(crate) fn placed(&self) -> u64 {
        self.placed.load(Ordering::SeqCst)
    }

    /// Bytes of all files but the write-ahead log.
    pub(crate) fn used(&self) -> u64 {
        let before = self.before.load(Ordering::SeqCst);
        before.wrapping_add(self.placed())
    }

    /// Bytes that commits to any topic may still add; `None`: there is no limit.
    pub(crate) fn room(&self) -> Option<u64> {
        let max = self.records_max?.saturating_sub(self.reserve);
        Some(max.saturating_sub(self.used()))
    }

    /// Bytes of the largest commit that was refused since there was room for it; 0: none.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.load(Ordering::SeqCst)
    }

    /// Whether commits are refused, or soon will be.
    pub(crate) fn is_short(&self) -> bool {
        let short = self.records_max.map_or(0, |max| max / SHORT_SHARE);
        self.is_exceeded() || self.room().is_some_and(|room| room < short)
    }

    /// Whether a commit was refused for which there was no room since.
    pub(crate) fn is_exceeded(&self) -> bool {
        self.refused() > 0
    }

    /// Whether there is room for a commit; gives what it will add.
    ///
    /// # Errors
    /// `QuotaExceeded`; `Invalid` if there can never be.
    pub(crate) fn admit(&self, commit: &Prepared) -> Result<u64> {
        let bytes = bytes_of(commit);
        let Some(most) = self.records_max else {
            return Ok(bytes);
        };
        let is_internal = |a: &crate::writer::request::PreparedAppend| a.partition.is_internal();
        let reserve = match commit.appends.iter().all(is_internal) {
            true => 0,
            false => self.reserve,
        };
        if bytes == 0 || self.used() + bytes + reserve <= most {
            return Ok(bytes);
        }
        if bytes + reserve > most {
            return Err(too_large(bytes, most.saturating_sub(reserve)));
        }
        self.refused.fetch_max(bytes, Ordering::SeqCst);
        Err(self.exceeded())
    }

    /// Whether there is room for more topics.
    ///
    /// # Errors
    /// `QuotaExceeded`.
    pub(crate) fn admit_topic(&self) -> Result<()> {
        match self.is_exceeded() || self.room() == Some(0) {
            true => Err(self.exceeded()),
            false => Ok(()),
        }
    }

    fn exceeded(&self) -> Error {
        let (used, max) = (self.used(), self.records_max.unwrap_or(u64::MAX));
        let text = format!(
            "log has reached its limit: its records take {used} of {max} bytes, {} of them in reserve",
            self.reserve
        );
        Error::new(ErrorKind::QuotaExceeded, text).with_hint(
            "try again when retention, compaction or a trim has made room, or raise the limit",
        )
    }

    /// An accepted commit adds this.
    pub(crate) fn place(&self, bytes: u64) {
        // There is one writer, so nothing is lost in between.
        let placed = self.placed.load(Ordering::Relaxed) + bytes;
        self.placed.store(placed, Ordering::Release);
    }

    /// What was placed after `placed` was all is taken back.
    pub(crate) fn restore(&self, placed: u64) {
        self.placed.store(placed, Ordering::SeqCst);
    }

    /// All files but the write-ahead log took `bytes` when `placed` was all that commits had taken. Gives whether there is
    /// room for what was refused.
    pub(crate) fn measured(&self, bytes: u64, placed: u64) -> bool {
        self.before
            .store(bytes.wrapping_sub(placed), Ordering::SeqCst);
        let refused = self.refused();
        let has_room = refused > 0 && self.room().is_none_or(|room| room >= refused);
        if has_room {
            self.refused.store(0, Ordering::SeqCst);
        }
        has_room
    }
}
