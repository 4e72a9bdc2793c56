//! What a capture is told.

use std::fmt;

use headwater_log::{Error, ErrorKind, Result};

use super::condition::RowCondition;
use crate::capture::{Format, Heartbeat, OnLoss, check_topics};
use crate::filter::{Condition, Filters, Matching, Pattern};
use crate::mysql::{Address, Session, Table, identifier};

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
    /// Tables that are captured because their names match; `None`: none.
    pub matching: Option<Matching>,
    /// Which rows of some tables are captured, as conditions that are evaluated here (see the guide).
    pub conditions: Vec<(TableName, String)>,
    /// Which rows of some tables are read at first, in the same words; changes are taken over of all rows. What is read anew later, since
    /// it has become another table, is read by it too.
    pub read_conditions: Vec<(TableName, String)>,
    /// What of rows and their changes is taken over.
    pub filters: Filters,
    /// Whether what is in the tables at first is captured too.
    pub backfills: bool,
    /// Patterns of the tables of which that is so; empty: all.
    pub backfilled: Vec<Pattern>,
    /// Whether tables that have been read are read once more when the capture starts.
    pub reads_again: bool,
    /// Whether the capture ends when what is in the tables at first has been read.
    pub ends_when_read: bool,
    /// A statement that is run again and again; `None`: none.
    pub heartbeat: Option<Heartbeat>,
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
            matching: None,
            conditions: Vec::new(),
            read_conditions: Vec::new(),
            filters: Filters::default(),
            backfills: true,
            backfilled: Vec::new(),
            reads_again: false,
            ends_when_read: false,
            heartbeat: None,
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

    /// Whether what is in a table at first is captured too.
    pub(super) fn reads(&self, table: &TableName) -> bool {
        let name = table.to_string();
        let is_such = |pattern: &Pattern| pattern.matches(&name);
        self.backfills && (self.backfilled.is_empty() || self.backfilled.iter().any(is_such))
    }

    /// Which rows of a table are captured; `None`: all.
    pub(super) fn condition(&self, table: &TableName) -> Option<&str> {
        of_table(&self.conditions, table)
    }

    /// Which rows of a table are read at first, of those that are captured; `None`: all.
    pub(super) fn read_condition(&self, table: &TableName) -> Option<&str> {
        of_table(&self.read_conditions, table)
    }

    /// Whether a condition can be asked for the rows of a table.
    ///
    /// # Errors
    /// `Invalid`, `Unsupported`, and what the server says.
    pub(crate) fn try_filter(&self, table: &str, filter: &str) -> Result<()> {
        let condition = Condition::parse(filter)?;
        let mut tables = self.tables.iter().map(|(name, _)| name.clone());
        let named = tables.find(|name| name.to_string() == table);
        let matching = || table.split_once('.').map(|(d, n)| TableName::new(d, n));
        let Some(name) = named.or_else(matching) else {
            return Ok(());
        };
        let mut session = Session::connect(&self.address)?;
        let table = Table::of(&mut session, &name.database, &name.name)?;
        RowCondition::of(&condition, &table).map(drop)
    }

    fn check_conditions(&self) -> Result<()> {
        for (table, condition) in self.conditions.iter().chain(&self.read_conditions) {
            Condition::parse(condition)?;
            let matching = self.matching.as_ref();
            let is_matching = matching.is_some_and(|m| m.takes(&table.database, &table.name));
            if !is_matching && !self.tables.iter().any(|(name, _)| name == table) {
                let text =
                    format!("there is a condition for table '{table}', which is not captured");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
        Ok(())
    }

    /// # Errors
    /// `Invalid`.
    pub(crate) fn check(&self) -> Result<()> {
        if self.name.is_empty() || self.name.contains('/') {
            let text = format!("'{}' cannot be the name of a capture", self.name);
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if self.ends_when_read && !self.backfills {
            let text = "a capture that ends when its tables are read must read them";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        self.check_conditions()?;
        match self.matching {
            Some(_) if self.tables.is_empty() => Ok(()),
            _ => check_topics(&self.tables),
        }
    }
}

/// What is said of a table.
fn of_table<'a>(conditions: &'a [(TableName, String)], table: &TableName) -> Option<&'a str> {
    let found = conditions.iter().find(|(name, _)| name == table);
    found.map(|(_, condition)| condition.as_str())
}
