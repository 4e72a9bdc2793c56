//! What an outbox is told.

use headwater_log::{Error, ErrorKind, Result};

use super::router::Router;
use crate::postgres::{Address, TableName};

/// Where events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A table, read from the server's log.
    Log(TableName),
    /// A table, asked again and again: for servers where nothing may replicate.
    Asking(TableName),
    /// Messages of the server's log with this prefix.
    Messages(String),
}

/// What an outbox is told.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
    /// The database.
    pub address: Address,
    /// Its name in the log, and that of its slot and publication.
    pub name: String,
    /// Where events are written.
    pub from: From,
    /// How rows become records.
    pub router: Router,
    /// Partitions of topics that are made.
    pub partitions: u32,
    /// Whether rows are deleted once their records are durable.
    pub prunes: bool,
    /// Whether rows that are there at first are published.
    pub has_backlog: bool,
}

impl OutboxSettings {
    /// With everything as usual.
    pub fn new(address: Address, name: impl Into<String>, from: From) -> Self {
        Self {
            address,
            name: name.into(),
            from,
            router: Router::default(),
            partitions: 1,
            prunes: false,
            has_backlog: true,
        }
    }

    /// The table, if there is one.
    pub(super) fn table(&self) -> Option<&TableName> {
        match &self.from {
            From::Log(table) | From::Asking(table) => Some(table),
            From::Messages(_) => None,
        }
    }

    /// The topic of rows that nothing could be made of.
    pub fn errors_topic(&self) -> String {
        match self.table() {
            Some(table) => format!("{}.{table}$errors", self.address.database),
            None => format!("{}.{}$errors", self.address.database, self.name),
        }
    }

    /// What its place in the server is stored under.
    pub(super) fn owner(&self) -> String {
        format!("outbox/{}", self.name)
    }

    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |text: &str| Err(Error::new(ErrorKind::Invalid, text.to_owned()));
        match &self.from {
            From::Messages(_) if self.prunes => invalid("messages have no rows to delete"),
            From::Messages(prefix) if prefix.is_empty() => {
                invalid("the prefix of messages is empty")
            }
            _ if self.partitions == 0 => invalid("a topic has at least one partition"),
            _ => Ok(()),
        }
    }
}
