//! A table that is emptied: its rows are what was not published yet. They are read, published, and deleted once their records
//! are durable. For databases that do not replicate, and cannot say what a snapshot saw.
//!
//! Nobody remembers a number. A row that is committed late is there when the table is looked at again, whatever its number, and a number
//! that nobody got is missed by none. Rows that are published and may still be there are remembered by name, in the commit of their
//! records, and deleted before the table is looked at again. A row of a key that was written when another of the key was
//! committed is seen by nobody without that, and has a higher number, so that the order of a key holds.

use std::time::Duration;

use headwater_log::{Error, ErrorKind, Log, Result};
use serde::{Deserialize, Serialize};

use super::field::Row;
use super::handle::Shared;
use super::publisher::Publisher;
use super::settings::OutboxSettings;

/// How often a table is looked at that had nothing.
const INTERVAL: Duration = Duration::from_millis(100);
/// Rows that are read at once.
const ROWS_MAX: usize = 1_000;

/// What tells a row for ever, as the table says it in its statements.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Name {
    /// Its number, by which it is found.
    pub(super) number: String,
    /// The id of its event: numbers may begin anew when a table is emptied by others.
    pub(super) id: String,
}

/// A table whose rows go when they are published.
pub(super) trait Queue {
    /// Which database it is of: another one's rows are not these.
    fn identity(&mut self) -> Result<String>;

    /// The rows with the lowest numbers, in their order, as one snapshot sees them.
    fn lowest(&mut self, most: usize) -> Result<Vec<(Name, Row)>>;

    /// Deletes rows, if they are there.
    fn delete(&mut self, names: &[Name]) -> Result<()>;
}

/// What was published.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The database.
    of: String,
    /// Rows that are published and may still be there.
    published: Vec<Name>,
}

/// Until it is to stop, or something fails.
pub(super) fn run(
    mut queue: impl Queue,
    log: &Log,
    settings: &OutboxSettings,
    shared: &Shared,
) -> Result<()> {
    let mut publisher = Publisher::new(log, settings)?;
    let of = queue.identity()?;
    let mut place = match publisher.place::<Place>()? {
        Some(known) if known.of == of => known,
        Some(_) => return Err(settings.elsewhere()),
        None => Place {
            of,
            published: Vec::new(),
        },
    };
    queue.delete(&place.published)?;
    shared.following();
    while !shared.is_stopped() {
        // A wish is for what was committed before it, so that an answer of before does not fulfil it.
        let wish = shared.wish();
        let found = queue.lowest(ROWS_MAX)?;
        let is_all = found.len() < ROWS_MAX;
        if !found.is_empty() {
            place.published = publish(&mut publisher, found)?;
            shared.published(publisher.commit(&place)?);
            queue.delete(&place.published)?;
        }
        if is_all {
            shared.caught_up();
            wish.into_iter().for_each(|wish| shared.serve(wish));
            shared.pause(INTERVAL);
        }
    }
    Ok(())
}

/// Puts rows; what they are called.
fn publish(publisher: &mut Publisher<'_>, rows: Vec<(Name, Row)>) -> Result<Vec<Name>> {
    let put = |(name, row): (Name, Row)| {
        publisher.put(&row, None)?;
        Ok(name)
    };
    rows.into_iter().map(put).collect()
}

impl OutboxSettings {
    /// It was taken over from somewhere else before.
    pub(super) fn elsewhere(&self) -> Error {
        let text = format!(
            "outbox '{}' was read from another server or database",
            self.name
        );
        Error::new(ErrorKind::Invalid, text).with_hint("choose another name for it")
    }
}
