//! What a log says of its captures, whether they run or not.

use headwater_log::{Log, Result};

use super::place::Place;
use super::server::Server;
use super::state::{self, Backfill, Position};
use crate::mysql::MySql;
use crate::postgres::PostgreSql;

/// A capture as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCapture {
    /// Its name; of PostgreSQL the slot.
    pub name: String,
    /// The database; empty: tables of several.
    pub database: String,
    /// Everything that was committed before this is in the log; `None`: it has not begun.
    pub end: Option<Place>,
    /// Its tables.
    pub tables: Vec<StoredTable>,
}

/// A table of a capture as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTable {
    /// Schema or database, and name.
    pub name: String,
    /// How much of it was read, in blocks of PostgreSQL or rows of the others.
    pub read: u64,
    /// How much there is to be read, about; zero: it was not measured yet.
    pub size: u64,
    /// Whether everything that was in it at first is in the topic.
    pub is_done: bool,
}

/// The captures of a log, by name.
///
/// # Errors
/// `Corrupt`.
pub fn stored(log: &Log) -> Result<Vec<StoredCapture>> {
    let mut captures: Vec<StoredCapture> = Vec::new();
    for (owner, _) in log.positions() {
        let Some(name) = owner.strip_prefix(&state::owner("")) else {
            continue;
        };
        match name.split_once('/') {
            None => {
                let Some(position) = state::load::<Position>(log, &owner)? else {
                    continue;
                };
                captures.push(StoredCapture {
                    name: name.to_owned(),
                    database: position.database,
                    end: position.end,
                    tables: Vec::new(),
                });
            }
            Some((of, table)) => {
                let capture = captures.iter_mut().find(|c| c.name == of);
                let Some(capture) = capture else {
                    continue;
                };
                let table = match &capture.end {
                    Some(Place::MySql(_)) => stored_table::<MySql>(log, &owner, table)?,
                    _ => stored_table::<PostgreSql>(log, &owner, table)?,
                };
                capture.tables.extend(table);
            }
        }
    }
    Ok(captures)
}

fn stored_table<S: Server>(log: &Log, owner: &str, name: &str) -> Result<Option<StoredTable>> {
    let backfill: Option<Backfill<S>> = state::load(log, owner)?;
    Ok(backfill.map(|backfill| {
        let (read, size) = backfill.amount();
        StoredTable {
            name: name.to_owned(),
            read,
            size,
            is_done: backfill.done,
        }
    }))
}
