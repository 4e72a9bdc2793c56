//! The options of the `csv` format.

use headwater_flow::Result;
use headwater_flow::connector::{OptionKind, OptionSpec, Options};

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "csv.field-delimiter",
        OptionKind::Character,
        "Between fields (default `,`).",
    ),
    OptionSpec::new(
        "csv.quote-character",
        OptionKind::Character,
        "Around fields (default `\"`).",
    ),
    OptionSpec::new(
        "csv.disable-quote-character",
        OptionKind::Flag,
        "Quotes are ordinary characters (default false).",
    ),
    OptionSpec::new(
        "csv.escape-character",
        OptionKind::Character,
        "Takes the next character as it is (default: none).",
    ),
    OptionSpec::new(
        "csv.allow-comments",
        OptionKind::Flag,
        "Lines that begin with `#` are no records (default false).",
    ),
    OptionSpec::new(
        "csv.ignore-parse-errors",
        OptionKind::Flag,
        "Fields that do not fit their column become null (default false: the record is kept in `$errors`).",
    ),
    OptionSpec::new(
        "csv.null-literal",
        OptionKind::Text,
        "An unquoted field of this text is null (default: none; an empty field is null unless its column is STRING).",
    ),
    OptionSpec::new(
        "csv.array-element-delimiter",
        OptionKind::Character,
        "Between the elements of arrays and rows (default `;`).",
    ),
    OptionSpec::new(
        "csv.header",
        OptionKind::Flag,
        "The first record of a file is its header: skipped when it is read, written into every file (default false).",
    ),
    OptionSpec::new(
        "csv.write-bigdecimal-in-scientific-notation",
        OptionKind::OneOf(&["false"]),
        "Decimals are always written plainly.",
    ),
];

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
        let quote = options.character("csv.quote-character")?.unwrap_or(b'"');
        let has_quotes = !options.flag("csv.disable-quote-character", false)?;
        Ok(Self {
            delimiter: options.character("csv.field-delimiter")?.unwrap_or(b','),
            quote: has_quotes.then_some(quote),
            escape: options.character("csv.escape-character")?,
            element: options
                .character("csv.array-element-delimiter")?
                .unwrap_or(b';'),
            null: options
                .get("csv.null-literal")
                .map(|n| n.as_bytes().to_vec()),
            has_comments: options.flag("csv.allow-comments", false)?,
            has_header: options.flag("csv.header", false)?,
            is_lenient: options.flag("csv.ignore-parse-errors", false)?,
        })
    }
}
