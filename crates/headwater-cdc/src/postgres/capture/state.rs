//! What is stored with the commits of a capture: how far it has come, in the stream and in each table.

use headwater_log::{Error, ErrorKind, Log, Result};

use super::blocks::Blocks;
use super::settings::Format;
use crate::postgres::{Lsn, TableName};

/// Whose position the stream's is.
pub(super) fn owner(name: &str) -> String {
    format!("cdc/{name}")
}

/// Whose position that of a table is.
pub(super) fn table_owner(name: &str, table: &TableName) -> String {
    format!("cdc/{name}/{table}")
}

/// How far the stream is in the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Position {
    /// The server, by the id that it got when it was made.
    pub(super) system: String,
    /// The database.
    pub(super) database: String,
    /// What records look like.
    #[serde(default = "rows")]
    pub(super) format: String,
    /// The end of the last commit; `None`: the slot is about to be made.
    pub(super) end: Option<Lsn>,
}

fn rows() -> String {
    Format::Rows.name().to_owned()
}

/// A file of a table: the table itself, or one of its partitions.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub(super) struct Part {
    /// The table or partition.
    pub(super) table: TableName,
    /// The number of its file: another one says that the table was rewritten.
    pub(super) file: u32,
    /// How many blocks it had when it was measured.
    pub(super) blocks: u32,
    /// Those of them that are in the topic.
    pub(super) done: Blocks,
}

/// How far the backfill of a table is.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(super) struct Backfill {
    /// Its columns with the ids of their types, as they were when it began.
    pub(super) columns: Vec<(String, u32)>,
    /// Its files; `None`: not measured yet.
    pub(super) parts: Option<Vec<Part>>,
    /// Whether the stream has left rows without a large value that had not been read yet: the files are read once more.
    #[serde(default)]
    pub(super) has_gaps: bool,
    /// Whether all is done.
    pub(super) done: bool,
}

impl Backfill {
    /// Whether every block of every file is in the topic.
    pub(super) fn is_whole(&self) -> bool {
        let whole = |p: &Part| p.done.missing(p.blocks, 1).is_none();
        self.parts
            .as_ref()
            .is_some_and(|parts| parts.iter().all(whole))
    }

    /// Blocks that are done, and all of them.
    pub(super) fn blocks(&self) -> (u64, u64) {
        let parts = self.parts.iter().flatten();
        parts.fold((0, 0), |(done, all), part| {
            (done + part.done.count(), all + u64::from(part.blocks))
        })
    }
}

/// Reads what is stored.
///
/// # Errors
/// `Corrupt`.
pub(super) fn load<T: serde::de::DeserializeOwned>(log: &Log, owner: &str) -> Result<Option<T>> {
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
