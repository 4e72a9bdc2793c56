//! The crate's one public error: its kind tells the caller what to do.

use std::fmt;

use bytes::Bytes;
use headwater_log::Version;

use crate::event::Position;
use crate::store::Expected;

pub use headwater_log::ErrorKind;

/// What a condition of an append found instead of what it expected.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Conflict {
    /// A stream has another version.
    Version {
        /// The stream.
        stream: String,
        /// What was expected.
        expected: Expected,
        /// The version that it has; `None`: it has no events.
        actual: Option<Version>,
    },
    /// An event that matches the query has come.
    Query {
        /// The place of such an event.
        found: Position,
    },
    /// The position of an owner is another one.
    Position {
        /// Whose position.
        owner: String,
        /// The position that is stored.
        actual: Option<Bytes>,
    },
    /// The stream is archived or deleted.
    Closed {
        /// The stream.
        stream: String,
        /// Whether for ever.
        deleted: bool,
    },
    /// Some, but not all, of the events were stored before, or in another stream.
    Id {
        /// An id that is taken.
        id: String,
        /// The event that has it.
        found: Position,
    },
}

/// An error of an event store or of what is built on it.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    conflict: Option<Box<Conflict>>,
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

    /// The call is wrong.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Invalid, message)
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

    /// An append that did not happen because of what a condition found.
    pub fn conflict_of(conflict: Conflict) -> Self {
        Self {
            conflict: Some(Box::new(conflict.clone())),
            ..Self::new(ErrorKind::Conflict, conflict.to_string())
        }
    }

    /// What a condition found, if one did not hold.
    pub fn conflict(&self) -> Option<&Conflict> {
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

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Version {
                stream,
                expected,
                actual,
            } => {
                let has = actual.map_or("no event".to_owned(), |v| format!("version {}", v.0));
                write!(f, "stream {stream:?} has {has} instead of {expected}")
            }
            Self::Query { found } => write!(
                f,
                "event at position {} matches what must not have come",
                found.0
            ),
            Self::Position { owner, .. } => {
                write!(f, "position of {owner:?} is not the expected one")
            }
            Self::Closed { stream, deleted } => {
                let how = if *deleted { "deleted" } else { "archived" };
                write!(f, "stream {stream:?} is {how}")
            }
            Self::Id { id, found } => write!(
                f,
                "event {id:?} is stored already, at position {}, as part of another append",
                found.0
            ),
        }
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

impl From<headwater_log::Error> for Error {
    fn from(error: headwater_log::Error) -> Self {
        let mut ours = Self::new(error.kind(), error.message());
        if let Some(hint) = error.hint() {
            ours = ours.with_hint(hint);
        }
        match std::error::Error::source(&error) {
            Some(cause) => ours.with_source(cause.to_string()),
            None => ours,
        }
    }
}
