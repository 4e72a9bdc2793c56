//! How a database is used.

use std::time::Duration;

use crate::error::{Error, Result};

/// The longest name of a schema, in bytes: it is also part of the name of a channel.
const SCHEMA_BYTES_MAX: usize = 48;

/// How a database is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PostgresOptions {
    /// The schema that the store's tables are in; it is made if it is not there. Another schema is another store.
    pub schema: String,
    /// At most so many connections for reading and for views, besides one for appends and one for news.
    pub connections: usize,
    /// How long something is tried again while the server is gone, before it is `Unavailable`.
    pub patience: Duration,
    /// How often news are asked for that the server was not heard to tell.
    pub poll: Duration,
}

impl Default for PostgresOptions {
    fn default() -> Self {
        Self {
            schema: "headwater".to_owned(),
            connections: 4,
            patience: Duration::from_secs(15),
            poll: Duration::from_secs(1),
        }
    }
}

impl PostgresOptions {
    /// In this schema.
    pub fn schema(schema: impl Into<String>) -> Self {
        Self {
            schema: schema.into(),
            ..Self::default()
        }
    }

    /// # Errors
    /// `Invalid`.
    pub(super) fn check(&self) -> Result<()> {
        let length = self.schema.len();
        let is_name = (1..=SCHEMA_BYTES_MAX).contains(&length)
            && !self.schema.starts_with("pg_")
            && !self.schema.chars().any(char::is_control);
        if !is_name {
            let hint = format!("1 to {SCHEMA_BYTES_MAX} bytes that do not begin with pg_");
            let message = format!("{:?} cannot be the name of a schema", self.schema);
            return Err(Error::invalid(message).with_hint(hint));
        }
        match self.connections {
            0 => Err(Error::invalid("at least one connection is needed")),
            _ => Ok(()),
        }
    }
}

/// A name as SQL writes it.
pub(super) fn quoted(name: &str) -> String {
    format!("\"{}\"", name.replace('"', "\"\""))
}

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}
