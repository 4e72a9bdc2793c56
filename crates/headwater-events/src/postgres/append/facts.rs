//! [`Facts`]: what a decision over appends is made from.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::SystemTime;

use bytes::Bytes;
use tokio_postgres::Row;

use super::names::own_tags;
use crate::error::Result;
use crate::event::Position;
use crate::store::{Append, Condition, Lifecycle, lifecycle};

/// An event that has a tag of the store's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Tagged {
    /// Its place; `None`: it waits for one.
    pub(super) position: Option<Position>,
    pub(super) stream: String,
    /// What it makes of its stream.
    pub(super) lifecycle: Option<Lifecycle>,
    /// The greater, the newer.
    pub(super) age: usize,
}

/// What a decision over appends is made from.
#[derive(Debug, Default)]
pub(super) struct Facts {
    /// How many events each stream has.
    pub(super) heads: HashMap<String, u64>,
    /// The newest event with each tag of the store's own.
    pub(super) tagged: HashMap<String, Tagged>,
    /// The positions of owners.
    pub(super) owners: HashMap<String, Bytes>,
    /// For each append and each of its conditions an event that breaks it.
    pub(super) found: Vec<Vec<Option<Position>>>,
    /// The names that somebody else has.
    pub(super) busy: HashSet<String>,
}

/// Where the order ends.
#[derive(Debug, Clone)]
pub(super) struct Order {
    /// The position of the next event.
    pub(super) end: Position,
    /// When it is stored.
    pub(super) now: SystemTime,
    /// The number of our transaction.
    pub(super) transaction: String,
    /// Whether events wait for their positions.
    pub(super) pending: bool,
}

/// What must be looked up to decide over some appends.
#[derive(Debug, Default)]
pub(super) struct Wanted {
    pub(super) streams: Vec<String>,
    pub(super) tags: Vec<String>,
    pub(super) owners: Vec<String>,
}

impl Wanted {
    pub(super) fn of<'a>(appends: impl IntoIterator<Item = &'a Append> + Clone) -> Self {
        let streams: BTreeSet<&str> = appends
            .clone()
            .into_iter()
            .flat_map(|a| a.writes.iter().map(|w| w.stream.as_str()))
            .collect();
        let tags: BTreeSet<String> = appends.clone().into_iter().flat_map(own_tags).collect();
        let owner = |condition: &'a Condition| match condition {
            Condition::Position { owner, .. } => Some(owner.as_str()),
            Condition::NoneSince { .. } => None,
        };
        let owners: BTreeSet<&str> = appends
            .into_iter()
            .flat_map(|a| a.conditions.iter().filter_map(owner))
            .collect();
        Self {
            streams: streams.into_iter().map(str::to_owned).collect(),
            tags: tags.into_iter().collect(),
            owners: owners.into_iter().map(str::to_owned).collect(),
        }
    }
}

impl Order {
    pub(super) fn read(row: &Row) -> Result<Self> {
        Ok(Self {
            end: position(row, 0)?.unwrap_or_default(),
            now: row.try_get(1)?,
            transaction: row.try_get(2)?,
            pending: row.try_get(3)?,
        })
    }
}

impl Facts {
    pub(super) fn read_heads(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let count: i64 = row.try_get(1)?;
            self.heads.insert(row.try_get(0)?, count.unsigned_abs());
        }
        Ok(())
    }

    /// Rows come with the newest last.
    pub(super) fn read_tagged(&mut self, rows: &[Row]) -> Result<()> {
        for (age, row) in rows.iter().enumerate() {
            let (kind, data): (&str, &str) = (row.try_get(3)?, row.try_get(4)?);
            let tagged = Tagged {
                position: position(row, 1)?,
                stream: row.try_get(2)?,
                lifecycle: lifecycle(kind, data.as_bytes()),
                age,
            };
            self.tagged.insert(row.try_get(0)?, tagged);
        }
        Ok(())
    }

    pub(super) fn read_owners(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            let value: &[u8] = row.try_get(1)?;
            self.owners
                .insert(row.try_get(0)?, Bytes::copy_from_slice(value));
        }
        Ok(())
    }

    pub(super) fn read_busy(&mut self, rows: &[Row]) -> Result<()> {
        for row in rows {
            self.busy.insert(row.try_get(0)?);
        }
        Ok(())
    }

    /// Whether somebody else has one of these names.
    pub(super) fn is_busy(&self, names: &[String]) -> bool {
        !self.busy.is_empty() && names.iter().any(|name| self.busy.contains(name))
    }
}

/// A position in a row.
pub(in crate::postgres) fn position(row: &Row, at: usize) -> Result<Option<Position>> {
    let position: Option<i64> = row.try_get(at)?;
    Ok(position.map(|p| Position(p.unsigned_abs())))
}
