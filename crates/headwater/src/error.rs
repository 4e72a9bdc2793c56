//! The one public error of the library: its kind tells the caller what to do.

use std::fmt;

use headwater_flow::ErrorKind as FlowKind;
use headwater_log::ErrorKind as LogKind;
use headwater_sql::{SqlError, SqlErrorKind};

/// What a caller can do about an [`Error`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// Try again later.
    Unavailable,
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
            ErrorKind::Unavailable => FlowKind::Unavailable,
            ErrorKind::Conflict => FlowKind::Conflict,
            ErrorKind::Invalid | ErrorKind::Sql => FlowKind::Invalid,
            ErrorKind::NotFound => FlowKind::NotFound,
            ErrorKind::Unsupported => FlowKind::Unsupported,
            ErrorKind::Corrupt => FlowKind::Corrupt,
            ErrorKind::Closed => FlowKind::Closed,
            ErrorKind::Bug => FlowKind::Bug,
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

impl From<headwater_log::Error> for Error {
    fn from(error: headwater_log::Error) -> Self {
        let kind = match error.kind() {
            LogKind::Unavailable => ErrorKind::Unavailable,
            LogKind::Conflict => ErrorKind::Conflict,
            LogKind::Invalid => ErrorKind::Invalid,
            LogKind::NotFound => ErrorKind::NotFound,
            LogKind::Unsupported => ErrorKind::Unsupported,
            LogKind::Corrupt => ErrorKind::Corrupt,
            LogKind::Closed => ErrorKind::Closed,
            _ => ErrorKind::Bug,
        };
        Self {
            kind,
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            source: Some(Box::new(error)),
        }
    }
}

impl From<headwater_events::Error> for Error {
    fn from(error: headwater_events::Error) -> Self {
        let kind = Self::from(headwater_log::Error::new(error.kind(), "")).kind;
        Self {
            kind,
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            source: Some(Box::new(error)),
        }
    }
}

impl From<headwater_flow::Error> for Error {
    fn from(error: headwater_flow::Error) -> Self {
        let kind = match error.kind() {
            FlowKind::Unavailable => ErrorKind::Unavailable,
            FlowKind::Conflict => ErrorKind::Conflict,
            FlowKind::Invalid => ErrorKind::Invalid,
            FlowKind::NotFound => ErrorKind::NotFound,
            FlowKind::Unsupported => ErrorKind::Unsupported,
            FlowKind::Corrupt => ErrorKind::Corrupt,
            FlowKind::Closed => ErrorKind::Closed,
            _ => ErrorKind::Bug,
        };
        Self {
            kind,
            message: error.to_string(),
            hint: error.hint().map(str::to_owned),
            source: Some(Box::new(error)),
        }
    }
}
