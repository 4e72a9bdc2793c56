//! What an outbox is told.

use headwater_log::{Error, ErrorKind, Result};

use super::router::Router;
use crate::{mysql, postgres};

/// Where events are written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// A table of PostgreSQL, read from the server's log.
    Log(postgres::Address, postgres::TableName),
    /// A table of PostgreSQL, asked again and again: for servers where nothing may replicate.
    Asking(postgres::Address, postgres::TableName),
    /// Messages of PostgreSQL's log with this prefix.
    Messages(postgres::Address, String),
    /// A table of MariaDB or MySQL, read from the binary log.
    Binlog(mysql::Address, mysql::TableName),
    /// A table of MariaDB or MySQL whose rows are deleted when they are published: for servers where nothing may replicate.
    Emptied(mysql::Address, mysql::TableName),
}

impl From {
    /// The database, and the table or the prefix of messages.
    fn place(&self) -> (String, String) {
        match self {
            Self::Log(at, table) | Self::Asking(at, table) => {
                (at.database.clone(), table.to_string())
            }
            Self::Messages(at, prefix) => (at.database.clone(), prefix.clone()),
            Self::Binlog(_, table) | Self::Emptied(_, table) => {
                (table.database.clone(), table.name.clone())
            }
        }
    }
}

/// What an outbox is told.
#[derive(Debug, Clone)]
pub struct OutboxSettings {
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
    pub fn new(name: impl Into<String>, from: From) -> Self {
        Self {
            name: name.into(),
            prunes: matches!(from, From::Emptied(..)),
            from,
            router: Router::default(),
            partitions: 1,
            has_backlog: true,
        }
    }

    /// The table of PostgreSQL, if there is one.
    pub(super) fn table(&self) -> Option<&postgres::TableName> {
        match &self.from {
            From::Log(_, table) | From::Asking(_, table) => Some(table),
            From::Messages(..) | From::Binlog(..) | From::Emptied(..) => None,
        }
    }

    /// The topic of rows that nothing could be made of.
    pub fn errors_topic(&self) -> String {
        match (&self.from, self.from.place()) {
            (From::Messages(..), (database, _)) => format!("{database}.{}$errors", self.name),
            (_, (database, table)) => format!("{database}.{table}$errors"),
        }
    }

    /// What its place in the server is stored under.
    pub(super) fn owner(&self) -> String {
        super::stored::owner(&self.name)
    }

    /// What is said of it where it does not run.
    pub(super) fn about(&self) -> super::stored::About {
        let (database, table) = self.from.place();
        super::stored::About {
            database,
            table,
            errors: self.errors_topic(),
        }
    }

    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        let invalid = |text: &str| Err(Error::new(ErrorKind::Invalid, text.to_owned()));
        match &self.from {
            From::Messages(..) if self.prunes => invalid("messages have no rows to delete"),
            From::Messages(_, prefix) if prefix.is_empty() => {
                invalid("the prefix of messages is empty")
            }
            From::Emptied(..) if !self.prunes => {
                invalid("of MariaDB and MySQL a table that is asked is emptied")
            }
            From::Emptied(..) if !self.has_backlog => {
                invalid("what is in a table that is emptied is what is to be published")
            }
            _ if self.name.is_empty() || self.name.contains('/') => {
                invalid("an outbox needs a name without '/'")
            }
            _ if self.partitions == 0 => invalid("a topic has at least one partition"),
            _ => Ok(()),
        }
    }
}
