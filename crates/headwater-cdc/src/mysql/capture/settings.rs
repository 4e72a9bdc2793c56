//! What a capture is told.

use std::fmt;

use headwater_log::{Error, ErrorKind, Result};

use crate::capture::{Format, OnLoss, check_topics};
use crate::mysql::{Address, identifier};

/// Rows of a table that are read at a time.
const RANGE_ROWS: u32 = 8192;
/// Sessions that read tables side by side.
const READERS: usize = 2;

/// The name of a table.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TableName {
    /// Its database.
    pub database: String,
    /// Its name in there.
    pub name: String,
}

impl TableName {
    /// A table of a database.
    pub fn new(database: impl Into<String>, name: impl Into<String>) -> Self {
        Self {
            database: database.into(),
            name: name.into(),
        }
    }

    /// As it stands in statements.
    pub fn quoted(&self) -> String {
        format!("{}.{}", identifier(&self.database), identifier(&self.name))
    }
}

impl fmt::Display for TableName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.database, self.name)
    }
}

/// What a capture is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub address: Address,
    /// The name of the capture, one in a log.
    pub name: String,
    /// The number by which the server tells its replicas apart, as which no other has; `None`: one is made up.
    pub server_id: Option<u32>,
    /// The tables, each with its topic.
    pub tables: Vec<(TableName, String)>,
    /// Whether what is in the tables at first is captured too.
    pub backfills: bool,
    /// What happens when changes are lost.
    pub on_loss: OnLoss,
    /// What records look like.
    pub format: Format,
    /// Rows of a table that are read at a time.
    pub range_rows: u32,
    /// Sessions that read tables side by side.
    pub readers: usize,
}

impl Settings {
    /// A capture of this name, as of now without tables.
    pub fn new(address: Address, name: impl Into<String>) -> Self {
        Self {
            address,
            name: name.into(),
            server_id: None,
            tables: Vec::new(),
            backfills: true,
            on_loss: OnLoss::Stop,
            format: Format::Rows,
            range_rows: RANGE_ROWS,
            readers: READERS,
        }
    }

    /// Adds a table; its topic is called after the database and the table.
    #[must_use]
    pub fn table(mut self, name: TableName) -> Self {
        let topic = name.to_string();
        self.tables.push((name, topic));
        self
    }

    /// # Errors
    /// `Invalid`, `Unsupported` for a format that is not there.
    pub(crate) fn check(&self) -> Result<()> {
        if matches!(self.format, Format::Maxwell | Format::Canal) {
            let text = format!(
                "capture '{}': format '{}' is not there for MariaDB and MySQL",
                self.name,
                self.format.name()
            );
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("'rows' and 'debezium-json' are"));
        }
        if self.name.is_empty() || self.name.contains('/') {
            let text = format!("'{}' cannot be the name of a capture", self.name);
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        check_topics(&self.tables)
    }
}
