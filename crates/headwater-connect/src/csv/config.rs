//! The options of the `csv` format.

use headwater_flow::connector::{OptionSpec, Options};
use headwater_flow::{Error, ErrorKind, Result};

pub(super) const OPTIONS: &[OptionSpec] = &[
    option(
        "csv.field-delimiter",
        "Between fields (default ','); \\t for a tab.",
    ),
    option("csv.quote-character", "Around fields (default '\"')."),
    option(
        "csv.disable-quote-character",
        "Quotes are ordinary characters (default false).",
    ),
    option(
        "csv.escape-character",
        "Takes the next character as it is (default: none).",
    ),
    option(
        "csv.allow-comments",
        "Lines that begin with # are no records (default false).",
    ),
    option(
        "csv.ignore-parse-errors",
        "Make fields null that do not fit their column (default false: the record is rejected).",
    ),
    option(
        "csv.null-literal",
        "An unquoted field of this text is null.",
    ),
    option(
        "csv.array-element-delimiter",
        "Between the elements of arrays and rows (default ';').",
    ),
    option(
        "csv.header",
        "The first record of a file names the columns (default false).",
    ),
    option(
        "csv.write-bigdecimal-in-scientific-notation",
        "Accepted; decimals are always written plainly.",
    ),
];

const fn option(name: &'static str, help: &'static str) -> OptionSpec {
    OptionSpec {
        name,
        help,
        required: false,
    }
}

/// How a CSV file is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Dialect {
    /// Between fields.
    pub(super) delimiter: u8,
    /// Around fields; `None`: no quotes.
    pub(super) quote: Option<u8>,
    /// Before a character that is taken as it is.
    pub(super) escape: Option<u8>,
    /// Between elements of arrays and rows.
    pub(super) element: u8,
    /// What stands for null.
    pub(super) null: Option<Vec<u8>>,
    /// Lines that begin with `#` are no records.
    pub(super) has_comments: bool,
    /// The first record is a header.
    pub(super) has_header: bool,
    /// Fields that do not fit become null.
    pub(super) is_lenient: bool,
}

impl Dialect {
    /// Reads the options.
    ///
    /// # Errors
    /// `Invalid` if one is not understood.
    pub(super) fn new(options: &Options) -> Result<Self> {
        let quote = character(options, "csv.quote-character")?.unwrap_or(b'"');
        let has_quotes = !options.flag("csv.disable-quote-character", false)?;
        Ok(Self {
            delimiter: character(options, "csv.field-delimiter")?.unwrap_or(b','),
            quote: has_quotes.then_some(quote),
            escape: character(options, "csv.escape-character")?,
            element: character(options, "csv.array-element-delimiter")?.unwrap_or(b';'),
            null: options
                .get("csv.null-literal")
                .map(|n| n.as_bytes().to_vec()),
            has_comments: options.flag("csv.allow-comments", false)?,
            has_header: options.flag("csv.header", false)?,
            is_lenient: options.flag("csv.ignore-parse-errors", false)?,
        })
    }
}

/// A one-character option; `\t` and `\u0001` may be written as in Java.
fn character(options: &Options, name: &str) -> Result<Option<u8>> {
    let Some(text) = options.get(name) else {
        return Ok(None);
    };
    let found = match text.as_bytes() {
        [byte] if byte.is_ascii() => Some(*byte),
        b"\\t" => Some(b'\t'),
        b"\\\\" => Some(b'\\'),
        bytes => bytes
            .strip_prefix(b"\\u")
            .and_then(|hex| u32::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok())
            .and_then(|code| u8::try_from(code).ok())
            .filter(u8::is_ascii),
    };
    match found {
        Some(b'\n' | b'\r') | None => {
            let text = format!("option '{name}' must be one ASCII character, not '{text}'");
            Err(Error::new(ErrorKind::Invalid, text))
        }
        found => Ok(found),
    }
}
