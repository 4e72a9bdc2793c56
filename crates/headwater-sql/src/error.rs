//! The crate's one public error: a kind, a place in the SQL text, and a hint. Everything that parses or plans returns
//! it; [`SqlError::render`] shows it with the offending line and a caret.

use std::fmt;

use datafusion_common::DataFusionError;
use sqlparser::tokenizer::{Location, Span};

use crate::secrets::hidden;

/// What is wrong with a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum SqlErrorKind {
    /// It does not parse.
    Syntax,
    /// A table, column, function, connector or option that it names does not exist.
    NotFound,
    /// It parses and its names resolve, but it means nothing: types, arity, a missing option.
    Invalid,
    /// It means something that this version cannot do.
    Unsupported,
    /// It creates what is there already, or another writer was faster.
    Conflict,
    /// The catalogue or a table could not be read.
    Unavailable,
    /// A broken invariant of ours: report it.
    Bug,
}

/// A place in a SQL text; lines and columns count from 1, columns in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Place {
    /// The line.
    pub line: u64,
    /// The column of its first character.
    pub column: u64,
    /// How many characters of the line it covers, at least 1.
    pub length: u64,
}

impl Place {
    /// The place of a span of tokens; `None` for the empty span.
    pub(crate) fn from_span(span: Span) -> Option<Self> {
        let Location { line, column } = span.start;
        let length = if span.end.line == line {
            span.end.column.saturating_sub(column).max(1)
        } else {
            1
        };
        (line > 0).then_some(Self {
            line,
            column,
            length,
        })
    }
}

/// Why a statement cannot be run.
#[derive(Debug, Clone)]
pub struct SqlError(Box<Inner>);

#[derive(Debug, Clone)]
struct Inner {
    kind: SqlErrorKind,
    message: String,
    place: Option<Place>,
    hint: Option<String>,
    /// The view in whose text it is.
    view: Option<String>,
}

/// The crate's result.
pub type Result<T, E = SqlError> = std::result::Result<T, E>;

impl SqlError {
    /// An error of `kind`; the message is lower case and without a full stop.
    pub fn new(kind: SqlErrorKind, message: impl Into<String>) -> Self {
        Self(Box::new(Inner {
            kind,
            message: message.into(),
            place: None,
            hint: None,
            view: None,
        }))
    }

    /// Says where, unless that is known already.
    #[must_use]
    pub(crate) fn at(mut self, span: Span) -> Self {
        if self.0.place.is_none() {
            self.0.place = Place::from_span(span);
        }
        self
    }

    /// Says where, unless that is known already.
    #[must_use]
    pub fn at_place(mut self, place: Option<Place>) -> Self {
        self.0.place = self.0.place.or(place);
        self
    }

    /// The error as one of the text of a view.
    #[must_use]
    pub(crate) fn in_view(mut self, view: &str) -> Self {
        self.0.place = None;
        if self.0.view.is_none() {
            self.0.message = format!("in view '{view}': {}", self.0.message);
        }
        self.0.view = Some(view.to_owned());
        self
    }

    /// The error of something that is written elsewhere.
    #[must_use]
    pub(crate) fn within(mut self, what: &str) -> Self {
        self.0.message = format!("in {what}: {}", self.0.message);
        self
    }

    /// The view in whose text it is.
    pub(crate) fn view(&self) -> Option<&str> {
        self.0.view.as_deref()
    }

    /// The error of a view where the view is named.
    #[must_use]
    pub(crate) fn moved_from_view(mut self, span: Span) -> Self {
        self.0.view = None;
        self.0.place = Place::from_span(span);
        self
    }

    /// The error in a text that stands at `start` in another one.
    #[must_use]
    pub(crate) fn moved_to(mut self, start: Location) -> Self {
        if let Some(place) = &mut self.0.place {
            if place.line == 1 {
                place.column += start.column - 1;
            }
            place.line += start.line - 1;
        }
        self
    }

    /// Adds what the user can do.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<String>) -> Self {
        self.0.hint = Some(hint.into());
        self
    }

    /// Adds a hint, if there is one.
    #[must_use]
    pub(crate) fn with_hint_opt(mut self, hint: Option<String>) -> Self {
        if hint.is_some() {
            self.0.hint = hint;
        }
        self
    }

    /// What is wrong.
    pub fn kind(&self) -> SqlErrorKind {
        self.0.kind
    }

    /// The message alone.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Where it is wrong, if one place can be named.
    pub fn place(&self) -> Option<Place> {
        self.0.place
    }

    /// The line, from 1.
    pub fn line(&self) -> Option<u64> {
        self.0.place.map(|p| p.line)
    }

    /// The column in characters, from 1.
    pub fn column(&self) -> Option<u64> {
        self.0.place.map(|p| p.column)
    }

    /// What the user can do, if there is something to say.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The error as shown to a person: message, place, the line of `source` with a caret, hint.
    pub fn render(&self, source: &str) -> String {
        let mut out = format!("error: {}", self.0.message);
        if let Some(place) = self.0.place {
            let line = source.lines().nth((place.line - 1) as usize);
            let text = hidden(line.unwrap_or_default()).replace('\t', " ");
            let number = place.line.to_string();
            let margin = " ".repeat(number.len());
            let indent = " ".repeat((place.column - 1) as usize);
            let left = (text.chars().count() as u64 + 1).saturating_sub(place.column);
            let carets = "^".repeat(place.length.min(left.max(1)) as usize);
            out += &format!("\n{margin}--> line {number}, column {}", place.column);
            out += &format!(
                "\n{number} | {}\n{margin} | {indent}{carets}",
                text.trim_end()
            );
        }
        if let Some(hint) = &self.0.hint {
            out += &format!("\nhint: {hint}");
        }
        out
    }

    pub(crate) fn syntax(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::Syntax, message)
    }

    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::Invalid, message)
    }

    pub(crate) fn not_found(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::NotFound, message)
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(SqlErrorKind::Unsupported, message)
    }
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.place {
            Some(p) => write!(
                f,
                "line {}, column {}: {}",
                p.line, p.column, self.0.message
            ),
            None => f.write_str(&self.0.message),
        }
    }
}

impl std::error::Error for SqlError {}

/// Lets our own errors pass through DataFusion's planner and come out again.
impl From<SqlError> for DataFusionError {
    fn from(e: SqlError) -> Self {
        Self::External(Box::new(e))
    }
}

impl From<headwater_flow::Error> for SqlError {
    fn from(e: headwater_flow::Error) -> Self {
        use headwater_flow::ErrorKind as K;
        let kind = match e.kind() {
            K::Invalid => SqlErrorKind::Invalid,
            K::NotFound => SqlErrorKind::NotFound,
            K::Unsupported => SqlErrorKind::Unsupported,
            K::Conflict => SqlErrorKind::Conflict,
            K::Unavailable | K::QuotaExceeded | K::Closed | K::Corrupt => SqlErrorKind::Unavailable,
            _ => SqlErrorKind::Bug,
        };
        let hint = e.hint().map(str::to_owned);
        Self::new(kind, e.to_string()).with_hint_opt(hint)
    }
}

impl From<headwater_log::Error> for SqlError {
    fn from(e: headwater_log::Error) -> Self {
        headwater_flow::Error::from(e).into()
    }
}

/// The known name nearest to `name`, if one is near enough to be meant.
pub(crate) fn nearest<'a>(name: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.to_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::damerau_levenshtein(&wanted, &k.to_lowercase()), k))
        .filter(|(distance, k)| *distance <= 1 + k.len().max(name.len()) / 3)
        .min()
        .map(|(_, k)| k)
}

/// `did you mean 'x'?` for the nearest known name.
pub(crate) fn suggestion<'a>(
    name: &str,
    known: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    nearest(name, known).map(|near| format!("did you mean '{near}'?"))
}
