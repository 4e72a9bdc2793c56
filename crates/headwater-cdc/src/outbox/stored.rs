//! What a log says of its outboxes, whether they run or not.

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Log, Result};
use serde::{Deserialize, Serialize};

use super::parked::Parked;

/// What the place of an outbox is stored under.
pub(super) fn owner(name: &str) -> String {
    format!("outbox/{name}")
}

/// What is said of an outbox where it does not run, stored beside its place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct About {
    pub(super) database: String,
    /// The table, or the prefix of messages.
    pub(super) table: String,
    /// The topic of rows that nothing could be made of.
    pub(super) errors: String,
}

/// What it is stored under.
pub(super) fn about_owner(name: &str) -> String {
    format!("{}/about", owner(name))
}

impl About {
    pub(super) fn to_bytes(&self) -> Result<Bytes> {
        let bytes = serde_json::to_vec(self);
        bytes.map(Bytes::from).map_err(|e| {
            Error::new(ErrorKind::Bug, "what is said of an outbox is no JSON").with_source(e)
        })
    }
}

/// An outbox as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredOutbox {
    /// Its name.
    pub name: String,
    /// The database.
    pub database: String,
    /// The table, or the prefix of messages.
    pub table: String,
    /// How many keys wait for somebody to mend an event.
    pub parked_keys: u64,
}

/// The outboxes of a log, by name.
///
/// # Errors
/// `Corrupt`.
pub fn stored_outboxes(log: &Log) -> Result<Vec<StoredOutbox>> {
    let mut found = Vec::new();
    for (owner, value) in log.positions() {
        let name = owner.strip_prefix("outbox/");
        let Some(name) = name.and_then(|rest| rest.strip_suffix("/about")) else {
            continue;
        };
        let about: About = serde_json::from_slice(&value).map_err(|e| {
            let text = format!("what is stored of outbox '{name}' is not understood");
            Error::new(ErrorKind::Corrupt, text).with_source(e)
        })?;
        found.push(StoredOutbox {
            name: name.to_owned(),
            parked_keys: Parked::load(log, &about.errors)?.keys() as u64,
            database: about.database,
            table: about.table,
        });
    }
    Ok(found)
}
