//! The options of a `filesystem` table.

use std::path::Path;
use std::time::Duration;

use headwater_flow::connector::{OptionKind, OptionSpec, Options};
use headwater_flow::{Error, ErrorKind, Result};

pub(super) const OPTIONS: &[OptionSpec] = &[
    OptionSpec::new(
        "path",
        OptionKind::Text,
        "A file, a folder, or a pattern with `*`, `?`, `[a-z]`, `{a,b}` and `**`. Names that end in `.gz` and `.zst` are compressed.",
    )
    .required(),
    OptionSpec::new(
        "format",
        OptionKind::Text,
        "Format of the records: `json`, `csv`, `raw`, `parquet`, or `debezium-json`, `maxwell-json`, `canal-json`, which are read.",
    )
    .required(),
    OptionSpec::new(
        "source.monitor-interval",
        OptionKind::Duration,
        "Follow files that grow and files that are added, looking this often (default: read once).",
    ),
    OptionSpec::new(
        "sink.compression",
        OptionKind::OneOf(&["none", "gzip", "zstd"]),
        "Of the files that are written into a folder (default none).",
    ),
];

/// How a file is compressed, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Compression {
    None,
    Gzip,
    Zstd,
}

impl Compression {
    /// By the extension: `.gz`, `.zst`, else none.
    pub(super) fn of(path: &Path) -> Self {
        match path.extension().and_then(|e| e.to_str()) {
            Some("gz" | "gzip") => Self::Gzip,
            Some("zst" | "zstd") => Self::Zstd,
            _ => Self::None,
        }
    }
}

/// What is read, and how often it is looked at again.
#[derive(Debug, Clone)]
pub(super) struct SourceConfig {
    /// A file, directory or pattern.
    pub(super) path: String,
    /// Name of the format.
    pub(super) format: String,
    /// How often a followed input is looked at; `None`: it is read once.
    pub(super) monitor: Option<Duration>,
}

impl SourceConfig {
    /// Reads the options.
    ///
    /// # Errors
    /// `Invalid` if one is missing or not understood.
    pub(super) fn new(options: &Options) -> Result<Self> {
        Ok(Self {
            path: local_path(options)?,
            format: options.require("format")?.to_owned(),
            monitor: options.duration("source.monitor-interval")?,
        })
    }
}

/// The value of `path`, without `file://`.
///
/// # Errors
/// `Invalid` if it is missing, `Unsupported` for another scheme.
pub(super) fn local_path(options: &Options) -> Result<String> {
    let path = options.require("path")?;
    let local = path
        .strip_prefix("file://")
        .or_else(|| path.strip_prefix("file:"));
    if local.is_none() && path.contains("://") {
        let text = format!("path '{path}' is not on this machine");
        return Err(Error::new(ErrorKind::Unsupported, text));
    }
    let local = local.unwrap_or(path);
    if local.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "option 'path' is empty"));
    }
    Ok(local.to_owned())
}
