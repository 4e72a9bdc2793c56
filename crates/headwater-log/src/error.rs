//! The crate's one public error: its kind tells the caller what to do.

use std::fmt;

use bytes::Bytes;

use crate::commit::ExpectedVersion;
use crate::record::{Offset, TopicPartition, Version};

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Try again later.
    Unavailable,
    /// The log has reached its limit of bytes ([`disk_bytes_max`](crate::Options::disk_bytes_max)): try again when
    /// retention, compaction or a trim has made room.
    QuotaExceeded,
    /// A condition did not hold: reload and decide again.
    Conflict,
    /// The call is wrong: fix it.
    Invalid,
    /// What was named does not exist.
    NotFound,
    /// This build or backend cannot do it.
    Unsupported,
    /// Stored bytes are damaged: stop.
    Corrupt,
    /// The log is closed or poisoned by a failed sync.
    Closed,
    /// A broken invariant of ours: report it.
    Bug,
}

impl ErrorKind {
    /// Whether the same call may succeed later.
    pub fn is_retriable(self) -> bool {
        matches!(self, Self::Unavailable | Self::QuotaExceeded)
    }
}

/// What a condition found instead of what it expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConflictDetail {
    /// A key has another version.
    Version {
        /// The partition that the key lives in.
        of: TopicPartition,
        /// The key.
        key: Bytes,
        /// What was expected.
        expected: ExpectedVersion,
        /// The version that it has; `None`: the key has no record.
        actual: Option<Version>,
    },
    /// A record that matches the query has come.
    NoneSince {
        /// The one-partition topic.
        topic: String,
        /// The offset of such a record.
        found: Offset,
    },
    /// A position is another one.
    Position {
        /// Whose position.
        owner: String,
        /// The position that is stored; `None`: the owner has none.
        actual: Option<Bytes>,
    },
}

/// An error of the log.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    conflict: Option<Box<ConflictDetail>>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
}

/// The crate's result.
pub type Result<T, E = Error> = std::result::Result<T, E>;

impl Error {
    /// An error of `kind`; the message is lower case and without a full stop.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
            hint: None,
            conflict: None,
            source: None,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// Adds what a condition found.
    #[must_use]
    pub fn with_conflict(mut self, conflict: ConflictDetail) -> Self {
        self.conflict = Some(Box::new(conflict));
        self
    }

    /// What a condition found, if one did not hold.
    pub fn conflict(&self) -> Option<&ConflictDetail> {
        self.conflict.as_deref()
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message alone, without cause or hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// What the user can do, if there is something to say.
    pub fn hint(&self) -> Option<&str> {
        self.hint.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)?;
        if let Some(source) = &self.source {
            write!(f, ": {source}")?;
        }
        Ok(())
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

/// An error of a file of the log: a `what` at `path`.
pub(crate) fn storage(what: &str, path: &str, source: std::io::Error) -> Error {
    use std::io::ErrorKind as Io;
    let error = match source.kind() {
        Io::StorageFull | Io::QuotaExceeded => Error::new(
            ErrorKind::Unavailable,
            format!("no room on the disk for {what} \"{path}\""),
        )
        .with_hint("make room on the disk; what is in the log stays readable"),
        Io::UnexpectedEof => Error::new(
            ErrorKind::Corrupt,
            format!("{what} \"{path}\" is shorter than it must be"),
        ),
        Io::NotFound => Error::new(ErrorKind::Corrupt, format!("{what} \"{path}\" is missing")),
        _ => Error::new(
            ErrorKind::Unavailable,
            format!("{what} \"{path}\" cannot be used"),
        ),
    };
    error.with_source(source)
}
