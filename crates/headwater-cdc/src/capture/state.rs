//! What is stored with the commits of a capture: how far it has come, in the stream and in each table.

use headwater_log::{Error, ErrorKind, Log, Result};

use super::place::Place;
use super::server::{Progress, Server};
use super::settings::Format;
use crate::debezium::Told;

/// Whose position the stream's is.
pub(crate) fn owner(name: &str) -> String {
    format!("cdc/{name}")
}

/// Whose position that of a table is.
pub(super) fn table_owner(name: &str, table: &str) -> String {
    format!("cdc/{name}/{table}")
}

/// What comes before a condition in what tells one table from another.
pub(crate) const WHERE: &str = " where ";

/// What comes before the columns of a key that was wanted, in what tells one table of MariaDB or MySQL from another.
pub(crate) const BY: &str = "by ";

/// How far the stream is in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Position {
    /// The server, by the id that it got when it was made.
    pub(crate) system: String,
    /// Which of the histories that branch off when a copy of the server is restored or becomes the server; `None`: not noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) timeline: Option<u32>,
    /// The database; empty: the tables are of several.
    pub(crate) database: String,
    /// What records look like.
    #[serde(default = "rows")]
    pub(crate) format: String,
    /// The end of the last commit; `None`: the stream is about to be made.
    pub(crate) end: Option<Place>,
    /// Whether tables are not read for now.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) paused: bool,
    /// Where the stream is to be read from, if that is before the end: transactions from before it are open still.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) resume: Option<Place>,
    /// What is in the log already of the transaction that comes next, if that is too large for one commit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) part: Option<Part>,
}

/// The beginning of a transaction.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(crate) struct Part {
    /// Where its commit lies.
    pub(crate) commit: Place,
    /// How many of its changes are in the log.
    pub(crate) changes: u64,
    /// What is told of it in the topic of transactions.
    #[serde(default, skip_serializing_if = "Told::is_empty")]
    pub(crate) told: Told,
}

fn rows() -> String {
    Format::Rows.name().to_owned()
}

/// How far the backfill of a table is.
#[derive(Debug, Clone, PartialEq, Default, serde::Serialize, serde::Deserialize)]
#[serde(bound = "")]
pub(crate) struct Backfill<S: Server> {
    /// Its columns with their types, as they were when it began.
    pub(crate) columns: Vec<(String, S::Type)>,
    /// Which table it is and what identifies its rows; empty: that was not noted.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(crate) identity: String,
    /// Which rows are read, as a condition of SQL; `None`: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<String>,
    /// What was read.
    #[serde(flatten)]
    pub(crate) progress: S::Progress,
    /// Whether the stream has left rows without a large value that had not been read yet: the table is read once more.
    #[serde(default)]
    pub(crate) has_gaps: bool,
    /// Whether all is done.
    pub(crate) done: bool,
}

impl<S: Server> Backfill<S> {
    /// Nothing was read yet.
    pub(super) fn begin(
        columns: Vec<(String, S::Type)>,
        identity: String,
        is_wanted: bool,
    ) -> Self {
        Self {
            columns,
            identity,
            done: !is_wanted,
            ..Self::default()
        }
    }

    /// Of the table only these rows are read.
    pub(super) fn of_rows(self, filter: Option<String>) -> Self {
        Self { filter, ..self }
    }

    /// The same table is read once more.
    pub(super) fn again(&self, filter: Option<String>) -> Self {
        Self {
            filter,
            ..Self::begin(self.columns.clone(), self.identity.clone(), true)
        }
    }

    /// Whether it is of that table, with rows that are identified that way.
    pub(super) fn is_of(&self, identity: &str) -> bool {
        // Where nothing was noted, all rows were read, by their own key.
        let is_other = identity.contains(WHERE) || identity.starts_with(BY);
        let is_noted = !self.identity.is_empty() || is_other;
        !is_noted || self.identity == identity
    }

    /// How much was read, of how much.
    pub(super) fn amount(&self) -> (u64, u64) {
        self.progress.amount()
    }
}

/// Reads what is stored.
///
/// # Errors
/// `Corrupt`.
pub(crate) fn load<T: serde::de::DeserializeOwned>(log: &Log, owner: &str) -> Result<Option<T>> {
    let Some(bytes) = log.position(owner) else {
        return Ok(None);
    };
    let parsed = serde_json::from_slice(&bytes).map(Some);
    parsed.map_err(|e| {
        let text = format!("the position of '{owner}' cannot be read");
        Error::new(ErrorKind::Corrupt, text).with_source(e)
    })
}

/// What is stored.
pub(super) fn store<T: serde::Serialize>(value: &T) -> Result<Vec<u8>> {
    serde_json::to_vec(value)
        .map_err(|e| Error::new(ErrorKind::Bug, "a position cannot be written").with_source(e))
}
