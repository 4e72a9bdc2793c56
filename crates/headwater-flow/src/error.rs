//! The crate's one public error: its kind tells the caller what to do.

use std::fmt;

pub use headwater_log::ErrorKind;

use crate::plan::type_name;

/// An error of the engine.
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

    /// Adds the cause.
    #[must_use]
    pub fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What the caller can do.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The message alone, without cause or hint.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is about what is in rows, so that others may be computed: a value that does not fit, a division by zero.
    pub fn is_of_rows(&self) -> bool {
        self.kind == ErrorKind::Invalid
    }

    /// Why something cannot be computed, in a sentence: what the first cause says, without what it adds for developers.
    pub fn reason(&self) -> String {
        let mut cause: &dyn std::error::Error = self;
        while let Some(source) = cause.source() {
            cause = source;
        }
        said(&tidy(&cause.to_string()))
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

impl From<headwater_log::Error> for Error {
    fn from(error: headwater_log::Error) -> Self {
        Self {
            hint: error.hint().map(str::to_owned),
            ..Self::new(error.kind(), error.to_string())
        }
    }
}

impl From<arrow::error::ArrowError> for Error {
    fn from(e: arrow::error::ArrowError) -> Self {
        Self::new(ErrorKind::Invalid, "a computation over a batch failed").with_source(e)
    }
}

impl From<datafusion_common::DataFusionError> for Error {
    /// What the lowering itself says stays as it says it.
    fn from(e: datafusion_common::DataFusionError) -> Self {
        use datafusion_common::DataFusionError as E;
        match e {
            E::NotImplemented(text) => Self::new(ErrorKind::Unsupported, sentence(&text)),
            E::Plan(text) => Self::new(ErrorKind::Invalid, sentence(&text)),
            E::Context(_, inner) | E::Diagnostic(_, inner) => Self::from(*inner),
            E::External(inner) => match inner.downcast::<Self>() {
                Ok(own) => *own,
                Err(other) => {
                    Self::new(ErrorKind::Invalid, "an expression or plan failed").with_source(other)
                }
            },
            other => {
                Self::new(ErrorKind::Invalid, "an expression or plan failed").with_source(other)
            }
        }
    }
}

/// What DataFusion and Arrow put before their messages.
const PREFIXES: [&str; 12] = [
    "Error during planning: ",
    "This feature is not implemented: ",
    "Execution error: ",
    "Arrow error: ",
    "Cast error: ",
    "Invalid argument error: ",
    "Arithmetic overflow: ",
    "Parser error: ",
    "Schema error: ",
    "External error: ",
    "Internal error: ",
    "type_coercion",
];

/// One message of DataFusion's without prefixes, lower case, without a full stop.
pub fn tidy(text: &str) -> String {
    let mut text = text.split("\n\nbacktrace:").next().unwrap_or(text).trim();
    for prefix in PREFIXES {
        while let Some(rest) = text.strip_prefix(prefix) {
            text = rest.trim_start_matches("\ncaused by\n").trim_start();
        }
    }
    let text = text.trim_end_matches('.');
    let mut chars = text.chars();
    let second_is_upper = text.chars().nth(1).is_some_and(char::is_uppercase);
    match chars.next() {
        Some(first) if !second_is_upper => first.to_lowercase().chain(chars).collect(),
        _ => text.to_owned(),
    }
}

/// What Arrow says of values, as people say it.
fn said(text: &str) -> String {
    if let Some(expr) = text.strip_prefix("overflow happened on: ") {
        return format!("{expr} does not fit into the type of its operands");
    }
    let type_of = |name: &str| name.parse().map(|t| type_name(&t));
    if let Some(rest) = text.strip_prefix("cannot cast string ")
        && let Some((value, name)) = rest.split_once(" to value of ")
        && let Ok(name) = type_of(name.trim_end_matches(" type"))
    {
        return format!("{value} is not a value of type {name}");
    }
    if let Some(rest) = text.strip_prefix("can't cast value ")
        && let Some((value, name)) = rest.split_once(" to type ")
        && let Ok(name) = type_of(name)
    {
        return format!("the value {value} does not fit into {name}");
    }
    match text {
        "divide by zero error" => "division by zero".to_owned(),
        other => other.to_owned(),
    }
}

/// A message of DataFusion's without what it adds for developers.
fn sentence(text: &str) -> String {
    let text = text.split("\n\nbacktrace:").next().unwrap_or(text);
    text.trim_end_matches('.').to_owned()
}
