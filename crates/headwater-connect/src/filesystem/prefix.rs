//! What is remembered of the part of a file that was read, so that a later process notices when somebody has edited it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use headwater_flow::connector::Seal;
use headwater_flow::{Error, ErrorKind};
use headwater_log::Timestamp;

/// A file that was written so shortly before it is looked at may be written again without looking any different: the
/// file system's clock ticks.
const RACY_MS: i64 = 1_000;

/// The part of a file from its beginning to where it is read.
#[derive(Debug, Clone, Default)]
pub(super) struct Prefix {
    /// Where it ends.
    pub(super) to: u64,
    /// The digest of what it holds.
    pub(super) digest: u64,
    /// What the file looked like before the newest part of it was read.
    pub(super) stamp: String,
}

impl Prefix {
    /// What a snapshot keeps of it; `None` if it does not end at `next`.
    pub(super) fn seal(&self, next: u64) -> Option<Seal> {
        (self.to == next).then(|| Seal {
            to: self.to,
            digest: self.digest,
            stamp: self.stamp.clone(),
        })
    }
}

/// What a file looks like from outside: whoever edits, replaces or touches it changes that. Empty, which equals
/// nothing, if the file was written just now.
pub(super) fn stamp(path: &Path, now: Timestamp) -> String {
    let Ok(meta) = fs::metadata(path) else {
        return String::new();
    };
    let changed_ms = meta.ctime().saturating_mul(1_000) + meta.ctime_nsec() / 1_000_000;
    if now.0.saturating_sub(changed_ms) < RACY_MS {
        return String::new();
    }
    format!(
        "{}:{}:{}:{}.{:09}:{}.{:09}",
        meta.dev(),
        meta.ino(),
        meta.len(),
        meta.mtime(),
        meta.mtime_nsec(),
        meta.ctime(),
        meta.ctime_nsec()
    )
}

/// Whether a file with these two stamps is certainly as it was.
pub(super) fn is_same(then: &str, now: &str) -> bool {
    !then.is_empty() && then == now
}

/// A file that is not what it was.
pub(super) fn changed(path: &Path, how: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("'{}' {how}", path.display()))
        .with_hint("put the original file back, or start without the old state")
}

/// A file that has lost its end.
pub(super) fn shorter(path: &Path) -> Error {
    changed(path, "is shorter than what was read of it")
}
