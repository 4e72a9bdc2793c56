//! The one public error of the library: its kind tells the caller what to do.

use std::fmt;

use headwater_log::ErrorKind as Kind;
use headwater_sql::{SqlError, SqlErrorKind};

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Try again later.
    Unavailable,
    /// The data directory has reached its limit of bytes: try again when there is room.
    QuotaExceeded,
    /// Somebody else was first, or holds the directory: reload and decide again.
    Conflict,
    /// The call is wrong: fix it.
    Invalid,
    /// The SQL is wrong: the message shows where.
    Sql,
    /// What was named does not exist.
    NotFound,
    /// This build cannot do it.
    Unsupported,
    /// Stored bytes are damaged: stop.
    Corrupt,
    /// Closed, or whoever read has gone.
    Closed,
    /// A broken invariant of ours: report it.
    Bug,
}

/// An error of Headwater.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
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
            source: None,
        }
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// An error in SQL, shown in its text with a caret.
    pub(crate) fn sql(error: &SqlError, text: &str) -> Self {
        let kind = match error.kind() {
            SqlErrorKind::Unavailable => ErrorKind::Unavailable,
            SqlErrorKind::Bug => ErrorKind::Bug,
            _ => ErrorKind::Sql,
        };
        let shown = error.render(text);
        Self::new(kind, shown.strip_prefix("error: ").unwrap_or(&shown))
    }

    /// As an error of the engine, which decides by the kind whether to try again.
    pub(crate) fn into_flow(self) -> headwater_flow::Error {
        let kind = match self.kind {
            ErrorKind::Unavailable => Kind::Unavailable,
            ErrorKind::QuotaExceeded => Kind::QuotaExceeded,
            ErrorKind::Conflict => Kind::Conflict,
            ErrorKind::Invalid | ErrorKind::Sql => Kind::Invalid,
            ErrorKind::NotFound => Kind::NotFound,
            ErrorKind::Unsupported => Kind::Unsupported,
            ErrorKind::Corrupt => Kind::Corrupt,
            ErrorKind::Closed => Kind::Closed,
            ErrorKind::Bug => Kind::Bug,
        };
        headwater_flow::Error::new(kind, self.message)
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message, complete with the messages of its causes.
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
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.source.as_deref().map(|s| s as _)
    }
}

impl From<Kind> for ErrorKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Unavailable => Self::Unavailable,
            Kind::QuotaExceeded => Self::QuotaExceeded,
            Kind::Conflict => Self::Conflict,
            Kind::Invalid => Self::Invalid,
            Kind::NotFound => Self::NotFound,
            Kind::Unsupported => Self::Unsupported,
            Kind::Corrupt => Self::Corrupt,
            Kind::Closed => Self::Closed,
            _ => Self::Bug,
        }
    }
}

/// An error of a part is one of the whole: the same kind, message and hint, with the part's own as its cause.
macro_rules! from_part {
    ($($part:ty),*) => {$(
        impl From<$part> for Error {
            fn from(error: $part) -> Self {
                Self {
                    kind: error.kind().into(),
                    message: error.to_string(),
                    hint: error.hint().map(str::to_owned),
                    source: Some(Box::new(error)),
                }
            }
        }
    )*};
}

from_part!(
    headwater_log::Error,
    headwater_flow::Error,
    headwater_events::Error
);
