//! What a log says of its captures, whether they run or not.

use headwater_log::{Log, Result};

use super::slot;
use super::state::{self, Backfill, Position};
use crate::postgres::{Address, Lsn, Session};

/// A capture as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredCapture {
    /// Its slot.
    pub slot: String,
    /// The database.
    pub database: String,
    /// Everything that was committed before this is in the log; `None`: it has not begun.
    pub end: Option<Lsn>,
    /// Its tables.
    pub tables: Vec<StoredTable>,
}

/// A table of a capture as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredTable {
    /// Schema and name.
    pub name: String,
    /// Blocks of it that were read.
    pub blocks_done: u64,
    /// Blocks that are to be read; zero: it was not measured yet.
    pub blocks: u64,
    /// Whether everything that was in it at first is in the topic.
    pub is_done: bool,
}

/// The captures of a log, by slot.
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
                    slot: name.to_owned(),
                    database: position.database,
                    end: position.end,
                    tables: Vec::new(),
                });
            }
            Some((slot, table)) => {
                let capture = captures.iter_mut().find(|c| c.slot == slot);
                let (Some(capture), Some(backfill)) =
                    (capture, state::load::<Backfill>(log, &owner)?)
                else {
                    continue;
                };
                let (blocks_done, blocks) = backfill.blocks();
                capture.tables.push(StoredTable {
                    name: table.to_owned(),
                    blocks_done,
                    blocks,
                    is_done: backfill.done,
                });
            }
        }
    }
    Ok(captures)
}

/// Removes a slot, so that the server keeps nothing for it any more.
///
/// # Errors
/// `NotFound`, `Unavailable` while it is in use.
pub fn drop_slot(address: &Address, name: &str) -> Result<()> {
    slot::remove(&mut Session::connect(address)?, name)
}
