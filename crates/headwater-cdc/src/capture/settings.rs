//! What a capture is told.

use std::time::Duration;

use headwater_log::{Error, ErrorKind, Result};

use super::finding::Finding;
use super::place::Place;
use crate::debezium::Debezium;
use crate::{mysql, postgres};

/// Bytes of records, about, that one commit has at most unless said: what does not fit is one transaction, in several.
pub(crate) const WHOLE_BYTES: usize = 16 << 20;

/// What happens when changes are lost: the server no longer has what comes next, or has an older log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum OnLoss {
    /// The capture stops and says so.
    #[default]
    Stop,
    /// The tables are emptied and read anew.
    Backfill,
}

/// What is done on the server again and again, so that its log goes on, or as an application wants it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heartbeat {
    /// How often.
    pub interval: Duration,
    /// The statement; `None`: of PostgreSQL a message of our own is written into its log.
    pub statement: Option<String>,
}

/// What records look like.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Format {
    /// Keys and rows as objects; a row that is gone is a tombstone.
    #[default]
    Rows,
    /// The events of Debezium.
    Debezium(Debezium),
    /// The JSON of Maxwell: the row, and what changed of it.
    Maxwell,
    /// The JSON of Canal: the row, and what changed of it, all of it texts.
    Canal,
}

impl Format {
    /// What a capture remembers of it: topics are of one format.
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Rows => "rows",
            Self::Maxwell => "maxwell-json",
            Self::Canal => "canal-json",
            Self::Debezium(debezium) => match (debezium.unwrapped, debezium.schemas) {
                (false, true) => "debezium-json with schemas",
                (false, false) => "debezium-json",
                (true, true) => "rows of debezium-json with schemas",
                (true, false) => "rows of debezium-json",
            },
        }
    }
}

/// What a capture is told, by the kind of its server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Settings {
    /// Tables of PostgreSQL.
    PostgreSql(postgres::Settings),
    /// Tables of MariaDB or MySQL.
    MySql(mysql::Settings),
}

impl Settings {
    /// The name of the capture, one in a log.
    pub fn name(&self) -> &str {
        match self {
            Self::PostgreSql(settings) => &settings.slot,
            Self::MySql(settings) => &settings.name,
        }
    }

    /// The topics of the tables that are named.
    pub fn topics(&self) -> impl Iterator<Item = &str> {
        let (ours, theirs) = match self {
            Self::PostgreSql(settings) => (Some(&settings.tables), None),
            Self::MySql(settings) => (None, Some(&settings.tables)),
        };
        let ours = ours.into_iter().flatten().map(|(_, topic)| topic);
        let theirs = theirs.into_iter().flatten().map(|(_, topic)| topic);
        ours.chain(theirs).map(String::as_str)
    }

    /// The topic of transactions; `None`: there is none.
    pub fn transactions_topic(&self) -> Option<&str> {
        match self.format() {
            Format::Debezium(debezium) => debezium.transactions.as_deref(),
            Format::Rows | Format::Maxwell | Format::Canal => None,
        }
    }

    /// The topic of heartbeats; `None`: there is none.
    pub fn heartbeats_topic(&self) -> Option<&str> {
        match self.format() {
            Format::Debezium(debezium) => debezium.heartbeats.as_ref().map(|h| h.topic.as_str()),
            Format::Rows | Format::Maxwell | Format::Canal => None,
        }
    }

    /// The topics beside those of tables.
    pub(super) fn topics_beside(&self) -> impl Iterator<Item = &str> {
        let beside = [
            self.messages_topic(),
            self.transactions_topic(),
            self.heartbeats_topic(),
        ];
        beside.into_iter().flatten()
    }

    /// The topic of messages of applications; `None`: they are not captured.
    pub fn messages_topic(&self) -> Option<&str> {
        match self {
            Self::PostgreSql(settings) => settings.messages.as_ref().map(|m| m.topic.as_str()),
            Self::MySql(_) => None,
        }
    }

    /// A place in the server's log that everything that is committed now lies before, and that will be reached.
    ///
    /// # Errors
    /// `Unavailable`.
    pub fn log_end(&self) -> Result<Place> {
        match self {
            Self::PostgreSql(settings) => settings.address.log_end(),
            Self::MySql(settings) => settings.address.log_end(),
        }
    }

    /// What will make trouble with its tables, or some day, although they can be captured.
    ///
    /// # Errors
    /// `Unavailable`, and what the server says.
    pub fn warnings(&self) -> Result<Vec<Finding>> {
        let mut found = match self {
            Self::PostgreSql(settings) => {
                let mut session = postgres::Session::connect(&settings.address)?;
                let settings = settings.with_matching(&mut session)?;
                let tables: Vec<_> = settings.tables.iter().map(|(t, _)| t.clone()).collect();
                postgres::check(&settings.address, &tables)?
            }
            Self::MySql(settings) => {
                let mut session = mysql::Session::connect(&settings.address)?;
                let settings = settings.with_matching(&mut session, &[])?;
                let tables: Vec<_> = settings.tables.iter().map(|(t, _)| t.clone()).collect();
                mysql::check(&mut session, &tables)?
            }
        };
        found.retain(|finding| !finding.is_fatal);
        Ok(found)
    }

    /// Rows of its tables must be identified by these columns, where the server's kind can tell.
    #[must_use]
    pub fn identified_by(self, key: Vec<String>) -> Self {
        match self {
            Self::PostgreSql(settings) => postgres::Settings {
                key: Some(key),
                ..settings
            }
            .into(),
            other => other,
        }
    }

    /// The log ends with this process: nothing that a server keeps for the capture outlives it. What it keeps meanwhile has `own` in
    /// its name, some letters and digits.
    #[must_use]
    pub fn temporary(self, own: &str) -> Self {
        match self {
            Self::PostgreSql(settings) => settings.temporary(own).into(),
            other => other,
        }
    }

    /// Whether a condition can be asked for the rows of a table.
    ///
    /// # Errors
    /// What the server says; of MariaDB and MySQL `Invalid`, `Unsupported`.
    pub(super) fn try_filter(&self, table: &str, filter: &str) -> Result<()> {
        match self {
            Self::PostgreSql(settings) => settings.try_filter(table, filter),
            Self::MySql(settings) => settings.try_filter(table, filter),
        }
    }

    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        match self {
            Self::PostgreSql(settings) => settings.check()?,
            Self::MySql(settings) => settings.check()?,
        }
        let mut beside: Vec<&str> = self.topics_beside().collect();
        beside.sort_unstable();
        let repeated = beside.windows(2).find(|pair| pair[0] == pair[1]);
        let is_taken = |topic: &&&str| self.topics().any(|of| of == **topic);
        let twice = repeated
            .map(|pair| &pair[0])
            .or_else(|| beside.iter().find(is_taken));
        match twice {
            None => Ok(()),
            Some(twice) => {
                let text = format!("topic '{twice}' is said for more than one thing");
                Err(Error::new(ErrorKind::Invalid, text).with_hint(
                    "tables, messages, transactions and heartbeats have topics of their own",
                ))
            }
        }
    }

    /// Whether tables that have been read are read once more.
    pub(super) fn reads_again(&self) -> bool {
        match self {
            Self::PostgreSql(settings) => settings.reads_again,
            Self::MySql(settings) => settings.reads_again,
        }
    }

    pub(super) fn format(&self) -> &Format {
        match self {
            Self::PostgreSql(settings) => &settings.format,
            Self::MySql(settings) => &settings.format,
        }
    }

    pub(super) fn on_loss(&self) -> OnLoss {
        match self {
            Self::PostgreSql(settings) => settings.on_loss,
            Self::MySql(settings) => settings.on_loss,
        }
    }
}

impl From<postgres::Settings> for Settings {
    fn from(settings: postgres::Settings) -> Self {
        Self::PostgreSql(settings)
    }
}

impl From<mysql::Settings> for Settings {
    fn from(settings: mysql::Settings) -> Self {
        Self::MySql(settings)
    }
}

/// Whether each table has a topic of its own, and there is one.
///
/// # Errors
/// `Invalid`.
pub(crate) fn check_topics<T>(tables: &[(T, String)]) -> Result<()> {
    let mut topics: Vec<&String> = tables.iter().map(|(_, topic)| topic).collect();
    topics.sort_unstable();
    if let Some(twice) = topics.windows(2).find(|pair| pair[0] == pair[1]) {
        let text = format!("two tables go to the topic '{}'", twice[0]);
        return Err(Error::new(ErrorKind::Invalid, text));
    }
    if tables.is_empty() {
        return Err(Error::new(ErrorKind::Invalid, "a capture without tables"));
    }
    Ok(())
}
