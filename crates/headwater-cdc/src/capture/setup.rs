//! What happens before a stream begins, as far as it is the same for all servers: topics, and what is stored of tables.

use bytes::Bytes;
use headwater_log::{Commit, Condition, Log, Offset, Result, TopicPartition};

use super::beats::Beats;
use super::form::Form;
use super::place::Place;
use super::records;
use super::server::{Feed, Reads, Server};
use super::settings::Format;
use super::state::{self, Backfill, Position};
use super::told::Telling;
use crate::debezium::Origin;
use crate::filter::Operations;

/// A table that is captured.
#[derive(Debug)]
pub(crate) struct Captured<S: Server> {
    pub(super) name: String,
    pub(super) topic: TopicPartition,
    pub(super) owner: String,
    /// How what was read is written, and what is in the topic already.
    pub(super) form: Form,
    pub(crate) backfill: Backfill<S>,
    /// Whether it is read once more when it has become another one.
    pub(super) is_reread: bool,
    /// Which rows are read then, as at first; `None`: all.
    pub(super) filter: Option<String>,
    /// Whether the topic was emptied when the stream was about to begin: what was committed before is in what will be read.
    pub(super) is_fresh: bool,
}

/// A table as the server describes it.
#[derive(Debug)]
pub(crate) struct TableOf<S: Server> {
    /// Its name as it is shown.
    pub(crate) name: String,
    /// Its topic.
    pub(crate) topic: String,
    /// Its columns, and what tells whether they are what they were.
    pub(crate) columns: Vec<(String, S::Type)>,
    /// Which table it is and what identifies its rows.
    pub(crate) identity: String,
    /// How its rows are written.
    pub(crate) form: Form,
    /// Whether what is in it at first is read.
    pub(crate) is_wanted: bool,
    /// Whether it is read once more when it has become another one.
    pub(crate) is_reread: bool,
    /// Which rows are read, as a condition of SQL; `None`: all. Changes are taken over of all rows.
    pub(crate) filter: Option<String>,
}

/// Everything is there.
pub(crate) struct Ready<F: Feed, R> {
    pub(crate) feed: F,
    pub(crate) reads: R,
    pub(crate) tables: Vec<Captured<F::Server>>,
    pub(crate) position: Position,
    /// Everything before this is in the log.
    pub(crate) end: Place,
    /// How much of a table is read at once.
    pub(crate) range: u32,
    /// Sessions that read side by side.
    pub(crate) readers: usize,
    /// Bytes of records that one commit has at most, about.
    pub(crate) whole_bytes: usize,
    /// Changes that are not taken over.
    pub(crate) skipped: Operations,
    /// Where messages of applications are put; `None`: there are none.
    pub(crate) messages: Option<TopicPartition>,
    /// What is told of transactions; `None`: nothing.
    pub(crate) telling: Option<Telling>,
    /// What says that the capture goes on; `None`: nothing.
    pub(crate) beats: Option<Beats>,
    /// Whether all is over when the tables are read.
    pub(crate) ends_when_read: bool,
}

/// How it went.
pub(crate) enum Begun<F: Feed, R: Reads<Server = F::Server>> {
    /// The stream has begun.
    Ready(Box<Ready<F, R>>),
    /// Changes are lost: what is to be said of it.
    Lost(headwater_log::Error),
    /// The tables are read, and that was all.
    Over,
}

/// Stores the position, if it is still what it was.
pub(crate) fn store_position(
    log: &Log,
    name: &str,
    expected: Option<Bytes>,
    next: &Position,
) -> Result<Bytes> {
    let (owner, value) = (state::owner(name), Bytes::from(state::store(next)?));
    let is_still = Condition::Position {
        owner: owner.clone(),
        expected,
    };
    log.commit(Commit::new().when(is_still).position(owner, value.clone()))?;
    Ok(value)
}

/// Whether a table was captured before.
pub(crate) fn is_known(log: &Log, name: &str, table: &str) -> bool {
    log.position(&state::table_owner(name, table)).is_some()
}

/// The tables that were captured before.
pub(crate) fn known_tables(log: &Log, name: &str) -> Vec<String> {
    let prefix = format!("{}/", state::owner(name));
    let owners = log.positions().into_iter().map(|(owner, _)| owner);
    let tables = owners.filter_map(|owner| Some(owner.strip_prefix(&prefix)?.to_owned()));
    tables.collect()
}

/// Whether all that was in these tables at first is in the log.
pub(crate) fn is_read<S: Server>(
    log: &Log,
    name: &str,
    mut tables: impl Iterator<Item = String>,
) -> Result<bool> {
    let is_done = |table: String| {
        let known: Option<Backfill<S>> = state::load(log, &state::table_owner(name, &table))?;
        Ok(known.is_some_and(|known| known.done))
    };
    tables.try_fold(true, |all, table| Ok(all && is_done(table)?))
}

impl<S: Server> Captured<S> {
    /// There is nothing to be read: the table is gone, and what takes its place will come by the stream.
    pub(crate) fn skip(&mut self) {
        self.backfill.done = true;
    }
}

/// The capture whose tables are prepared.
#[derive(Debug)]
pub(crate) struct Of<'a> {
    name: &'a str,
    format: &'a Format,
    /// Where the stream begins.
    begin: &'a Place,
}

impl<'a> Of<'a> {
    pub(crate) fn new(name: &'a str, format: &'a Format, begin: &'a Place) -> Self {
        Self {
            name,
            format,
            begin,
        }
    }
}

/// Topics and states of the tables; those that are captured no more are forgotten.
pub(crate) fn prepare<S: Server>(
    log: &Log,
    capture: &Of<'_>,
    of: Vec<TableOf<S>>,
) -> Result<Vec<Captured<S>>> {
    let Of { name, format, .. } = *capture;
    let mut tables = Vec::new();
    for table in of {
        records::ensure_topic(log, &table.topic, format)?;
        let owner = state::table_owner(name, &table.name);
        let topic = TopicPartition::new(table.topic, 0);
        let known: Option<Backfill<S>> = state::load(log, &owner)?;
        let known = known.filter(|known| known.is_of(&table.identity));
        let is_begun = known.is_some();
        let backfill = match known {
            Some(known) => Backfill {
                identity: table.identity,
                ..known
            },
            None => {
                let backfill = Backfill::begin(table.columns, table.identity, table.is_wanted)
                    .of_rows(table.filter.clone());
                let origin = Origin::of_reading(capture.begin.origin());
                first(log, backfill, &table.form, (&topic, &owner), &origin)?
            }
        };
        tables.push(Captured {
            name: table.name,
            topic,
            owner,
            form: table.form,
            is_fresh: !is_begun && !backfill.done,
            backfill,
            is_reread: table.is_reread,
            filter: table.filter,
        });
    }
    let prefix = format!("{}/", state::owner(name));
    let is_gone =
        |owner: &String| owner.starts_with(&prefix) && !tables.iter().any(|t| t.owner == *owner);
    remove(log, is_gone)?;
    Ok(tables)
}

/// The backfill of a table begins, with an empty topic.
fn first<S: Server>(
    log: &Log,
    backfill: Backfill<S>,
    form: &Form,
    (topic, owner): (&TopicPartition, &str),
    origin: &Origin,
) -> Result<Backfill<S>> {
    let mut commit = Commit::new().position(owner, state::store(&backfill)?);
    let stale = records::live_keys(log, topic, form, Offset(0))?;
    if !stale.is_empty() {
        let deleted = stale.iter().flat_map(|key| form.emptied(key, origin));
        commit = commit.append(topic.clone(), deleted);
    }
    log.commit(commit)?;
    Ok(backfill)
}

/// Forgets everything, so that the next start reads the tables anew.
pub(crate) fn forget(log: &Log, name: &str) -> Result<()> {
    let owner = state::owner(name);
    let prefix = format!("{owner}/");
    remove(log, |o| *o == owner || o.starts_with(&prefix))
}

/// Removes the positions of such owners.
fn remove(log: &Log, is_such: impl Fn(&String) -> bool) -> Result<()> {
    let owners = log.positions().into_iter().map(|(owner, _)| owner);
    let positions: Vec<_> = owners.filter(is_such).map(|owner| (owner, None)).collect();
    if positions.is_empty() {
        return Ok(());
    }
    let commit = Commit {
        positions,
        ..Commit::new()
    };
    log.commit(commit).map(drop)
}
