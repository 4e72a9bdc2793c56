//! What a capture is told.

use headwater_log::{Error, ErrorKind, Result, TopicPartition};

use crate::capture::{Format, Heartbeat, OnLoss, WHOLE_BYTES, check_topics};
use crate::filter::{Filters, Matching, Pattern};
use crate::postgres::{Address, Session, Table, TableName};

/// Blocks of a table that are read at a time, 8 KiB each.
const RANGE_BLOCKS: u32 = 512;
/// Sessions that read tables side by side.
const READERS: usize = 2;
/// The longest name of a slot.
const SLOT_NAME_BYTES_MAX: usize = 63;
/// The prefix of messages that captures write themselves.
const OWN_PREFIX: &str = "headwater";

/// Messages that applications write into the server's log by `pg_logical_emit_message`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Messages {
    /// The topic that they are put into: by their prefix as the key, as they are, or as Debezium's events.
    pub topic: String,
    /// The prefixes that are taken over; none: all but our own.
    pub prefixes: Vec<Pattern>,
}

impl Messages {
    /// Where they are put.
    pub(super) fn partition(&self) -> TopicPartition {
        TopicPartition::new(self.topic.as_str(), 0)
    }

    /// Whether a message of this prefix is taken over.
    pub(super) fn takes(&self, prefix: &str) -> bool {
        let is_wanted = self.prefixes.is_empty() || self.prefixes.iter().any(|p| p.matches(prefix));
        is_wanted && prefix != OWN_PREFIX
    }
}

/// What a capture is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The database.
    pub address: Address,
    /// The slot, which is made if it is not there; it is the name of the capture too.
    pub slot: String,
    /// Whether standbys have the slot too, so that it is there when one of them becomes the server (PostgreSQL 17 or later).
    pub failover: bool,
    /// Whether the server forgets the slot when the session ends, so that nothing stays behind of a log that ends with its process.
    /// When the session is cut, the tables are read anew.
    pub is_temporary: bool,
    /// Whether values are streamed in binary where all types of the tables can be read so (PostgreSQL 14 or later): less work for the server.
    pub binary: bool,
    /// The publication.
    pub publication: String,
    /// Whether the publication is made, and tables added to it, where that is missing.
    pub makes_publication: bool,
    /// The tables, each with its topic.
    pub tables: Vec<(TableName, String)>,
    /// Tables that are captured because their names match; `None`: none.
    pub matching: Option<Matching>,
    /// Which rows of some tables are captured, as conditions of SQL that the server asks of each row and change (PostgreSQL 15 or later).
    pub conditions: Vec<(TableName, String)>,
    /// Which rows of some tables are read at first, in the same words; changes are taken over of all rows. What is read anew later, since
    /// it has become another table, is read by it too.
    pub read_conditions: Vec<(TableName, String)>,
    /// What of rows and their changes is taken over.
    pub filters: Filters,
    /// The columns that rows of every table must be identified by; `None`: whichever do, also if they change.
    pub key: Option<Vec<String>>,
    /// Whether what is in the tables at first is captured too.
    pub backfills: bool,
    /// Patterns of the tables of which that is so; empty: all.
    pub backfilled: Vec<Pattern>,
    /// Whether tables that have been read are read once more when the capture starts.
    pub reads_again: bool,
    /// Whether the capture ends when what is in the tables at first has been read, and gives its slot up.
    pub ends_when_read: bool,
    /// Which messages of applications are captured; `None`: none.
    pub messages: Option<Messages>,
    /// What keeps the server's log moving while nothing happens; `None`: nothing.
    pub heartbeat: Option<Heartbeat>,
    /// What happens when changes are lost.
    pub on_loss: OnLoss,
    /// What records look like.
    pub format: Format,
    /// Blocks of a table that are read at a time.
    pub range_blocks: u32,
    /// Sessions that read tables side by side.
    pub readers: usize,
    /// Transactions of up to about so many bytes of records are one commit of the log; larger ones are several, one behind the other.
    pub whole_bytes: usize,
}

impl Settings {
    /// A capture by this slot, as of now without tables.
    pub fn new(address: Address, slot: impl Into<String>) -> Self {
        let slot = slot.into();
        Self {
            address,
            publication: slot.clone(),
            slot,
            failover: false,
            is_temporary: false,
            binary: true,
            makes_publication: true,
            tables: Vec::new(),
            matching: None,
            conditions: Vec::new(),
            read_conditions: Vec::new(),
            filters: Filters::default(),
            key: None,
            backfills: true,
            backfilled: Vec::new(),
            reads_again: false,
            ends_when_read: false,
            messages: None,
            heartbeat: None,
            on_loss: OnLoss::Stop,
            format: Format::Rows,
            range_blocks: RANGE_BLOCKS,
            readers: READERS,
            whole_bytes: WHOLE_BYTES,
        }
    }

    /// The log ends with this process, and so does the slot, which has `own` in its name: several read a table at a time.
    pub(crate) fn temporary(mut self, own: &str) -> Self {
        self.slot.truncate(SLOT_NAME_BYTES_MAX - 1 - own.len());
        self.slot.push('_');
        self.slot.push_str(own);
        self.is_temporary = true;
        self.on_loss = OnLoss::Backfill;
        self
    }

    /// Adds a table; its topic is called after the database, the schema and the table.
    #[must_use]
    pub fn table(mut self, name: TableName) -> Self {
        let topic = format!("{}.{name}", self.address.database);
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

    /// Whether rows of a table are identified as they must be.
    ///
    /// # Errors
    /// `Invalid`.
    pub(super) fn check_key(&self, table: &Table) -> Result<()> {
        let Some(key) = &self.key else {
            return Ok(());
        };
        if key.len() == table.key.len() && key.iter().all(|k| table.key.contains(k)) {
            return Ok(());
        }
        let (are, by) = (table.key.join(", "), key.join(", "));
        let text = format!(
            "rows of '{}' are identified by {are}, not by {by}",
            table.name
        );
        Err(Error::new(ErrorKind::Invalid, text)
            .with_hint(format!("declare PRIMARY KEY ({are}) NOT ENFORCED")))
    }

    /// Whether a condition can be asked for the rows of a table.
    ///
    /// # Errors
    /// What the server says.
    pub(crate) fn try_filter(&self, table: &str, filter: &str) -> Result<()> {
        is_expression(filter)?;
        let mut tables = self.tables.iter().map(|(name, _)| name.clone());
        let named = tables.find(|name| name.to_string() == table);
        let matching = || table.split_once('.').map(|(s, n)| TableName::new(s, n));
        let Some(name) = named.or_else(matching) else {
            return Ok(());
        };
        let quoted = name.quoted();
        let sql = format!("SELECT 1 FROM {quoted} WHERE true AND ({filter}\n) LIMIT 0");
        Session::connect(&self.address)?.query(&sql).map(drop)
    }

    /// # Errors
    /// `Invalid`.
    pub(crate) fn check(&self) -> Result<()> {
        let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
        let is_slot = (1..=SLOT_NAME_BYTES_MAX).contains(&self.slot.len());
        if !is_slot || !self.slot.chars().all(plain) {
            let text = format!("'{}' cannot be the name of a slot", self.slot);
            return Err(Error::new(ErrorKind::Invalid, text)
                .with_hint("a name has 1 to 63 lower case letters, digits and _"));
        }
        if self.ends_when_read && !self.backfills {
            let text = "a capture that ends when its tables are read must read them";
            return Err(Error::new(ErrorKind::Invalid, text));
        }
        if self.messages.is_some() && matches!(self.format, Format::Maxwell | Format::Canal) {
            let text = format!(
                "format '{}' has nothing for messages of applications",
                self.format.name()
            );
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("capture them by another slot, with the format 'rows'"));
        }
        for (table, condition) in self.conditions.iter().chain(&self.read_conditions) {
            is_expression(condition)?;
            let matching = self.matching.as_ref();
            let is_matching = matching.is_some_and(|m| m.takes(&table.schema, &table.name));
            if !is_matching && !self.tables.iter().any(|(name, _)| name == table) {
                let text =
                    format!("there is a condition for table '{table}', which is not captured");
                return Err(Error::new(ErrorKind::Invalid, text));
            }
        }
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

/// # Errors
/// `Invalid` if it may be more than one.
fn is_expression(condition: &str) -> Result<()> {
    match condition.contains(';') {
        false => Ok(()),
        true => {
            let text = "a condition is one expression, without ';'";
            Err(Error::new(ErrorKind::Invalid, text).with_hint("write chr(59) for one in a text"))
        }
    }
}
