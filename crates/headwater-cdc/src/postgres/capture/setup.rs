//! What happens before the stream begins: everything is checked, and made where it is missing.
//!
//! The order matters: the publication before the slot, which decodes with it; a word in the log before the slot, so
//! that a slot that was made just before a kill is known to be ours; the slot before the tables are looked at.

use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Commit, Condition, Error, ErrorKind, Log, Offset, Result, TopicPartition};

use super::form::{Change, Form, now_us};
use super::reading::Plan;
use super::records;
use super::settings::Settings;
use super::state::{self, Backfill, Position};
use super::{check, publication, slot};
use crate::debezium::Origin;
use crate::postgres::catalog::Kinds;
use crate::postgres::shape::Shape;
use crate::postgres::{Lsn, Replication, Session, Snapshot, Table};

/// A table that is captured.
#[derive(Debug)]
pub(super) struct Captured {
    pub(super) table: Table,
    pub(super) topic: TopicPartition,
    pub(super) plan: Arc<Plan>,
    pub(super) owner: String,
    pub(super) backfill: Backfill,
    pub(super) has_large: bool,
}

/// Everything is there.
pub(super) struct Ready {
    pub(super) control: Session,
    pub(super) replication: Replication,
    pub(super) kinds: Kinds,
    pub(super) position: Position,
    pub(super) end: Lsn,
    pub(super) tables: Vec<Captured>,
    /// Transactions before this one had begun before the stream did: readings wait for their end.
    pub(super) horizon: u64,
}

/// How it went.
pub(super) enum Begun {
    /// The stream has begun.
    Ready(Box<Ready>),
    /// Changes are lost, and why.
    Lost(String),
}

/// Where the slot is, or why it does not have what comes next.
enum Place {
    At(Position, Lsn),
    Lost(String),
}

/// Connects, checks, makes what is missing, and starts the stream.
///
/// # Errors
/// `Unavailable`; what else is wrong, with what mends it.
pub(super) fn begin(log: &Log, settings: &Settings) -> Result<Begun> {
    settings.check()?;
    let mut control = Session::connect(&settings.address)?;
    let stored: Option<Position> = state::load(log, &state::owner(&settings.slot))?;
    let makes_slot = stored.as_ref().is_none_or(|p| p.end.is_none());
    check::demand(&mut control, settings, makes_slot)?;
    let mut replication = Replication::connect(&settings.address)?;
    let mut kinds = settings.format.kinds();
    let looked_up = look_up(&mut control, settings, &mut kinds)?;
    publication::ensure(&mut control, settings)?;
    let place = take_slot(log, settings, &mut control, &mut replication, stored)?;
    let (position, end) = match place {
        Place::At(position, end) => (position, end),
        Place::Lost(why) => return Ok(Begun::Lost(why)),
    };
    let tables = prepare(log, settings, looked_up)?;
    replication.start(&settings.slot, &settings.publication, end)?;
    // Nobody else can move it any more.
    let known = slot::look_up(&mut control, &settings.slot)?;
    if let Some(why) = slot::loss(known.as_ref(), end) {
        return Ok(Begun::Lost(why));
    }
    let snapshot = control.value("SELECT pg_current_snapshot()")?;
    let horizon: Snapshot = snapshot.unwrap_or_default().parse()?;
    Ok(Begun::Ready(Box::new(Ready {
        control,
        replication,
        kinds,
        position,
        end,
        tables,
        horizon: horizon.next(),
    })))
}

fn look_up(
    control: &mut Session,
    settings: &Settings,
    kinds: &mut Kinds,
) -> Result<Vec<(Table, Arc<Plan>)>> {
    let one = |(name, _): &(_, String)| {
        let table = Table::look_up(control, name)?;
        let shape = Shape::of_table(&table, kinds, control)?;
        let plan = Plan {
            name: name.clone(),
            form: Form::new(shape, name, settings),
        };
        Ok((table, Arc::new(plan)))
    };
    settings.tables.iter().map(one).collect()
}

/// The slot and where it begins; made if this log has none yet.
fn take_slot(
    log: &Log,
    settings: &Settings,
    control: &mut Session,
    replication: &mut Replication,
    stored: Option<Position>,
) -> Result<Place> {
    let system = replication.identify()?;
    let name = &settings.slot;
    let known = slot::look_up(control, name)?;
    let fresh = Position {
        system: system.id.clone(),
        database: settings.address.database.clone(),
        format: settings.format.name().to_owned(),
        end: None,
    };
    if let Some(stored) = stored.as_ref().filter(|s| s.format != fresh.format) {
        let text = format!(
            "slot '{name}' was captured as {}, not as {}",
            stored.format, fresh.format
        );
        return Err(Error::new(ErrorKind::Invalid, text)
            .with_hint("choose another name for the slot, and other topics"));
    }
    if let Some(stored) = &stored
        && (&stored.system, &stored.database) != (&fresh.system, &fresh.database)
    {
        let text = format!("slot '{name}' was captured from another server or database");
        return Err(
            Error::new(ErrorKind::Invalid, text).with_hint("choose another name for the slot")
        );
    }
    if let Some(end) = stored.as_ref().and_then(|p| p.end) {
        let behind = || format!("the server's log ends at {}, before {end}", system.end);
        let why = slot::loss(known.as_ref(), end).or_else(|| (system.end < end).then(behind));
        return Ok(why.map_or(Place::At(fresh, end), Place::Lost));
    }
    let mut expected = stored.as_ref().map(state::store).transpose()?;
    if expected.is_none() {
        if known.is_some() {
            return Err(slot::foreign(name));
        }
        expected = Some(put(log, name, None, &fresh)?);
    }
    let end = match known {
        Some(made) => made.confirmed,
        None => replication.create_slot(name, false)?.consistent,
    };
    let made = Position {
        end: Some(end),
        ..fresh.clone()
    };
    put(log, name, expected, &made)?;
    Ok(Place::At(fresh, end))
}

/// Stores the position, if it is still what it was.
fn put(log: &Log, name: &str, expected: Option<Vec<u8>>, next: &Position) -> Result<Vec<u8>> {
    let (owner, value) = (state::owner(name), state::store(next)?);
    let is_still = Condition::Position {
        owner: owner.clone(),
        expected: expected.map(Bytes::from),
    };
    log.commit(Commit::new().when(is_still).position(owner, value.clone()))?;
    Ok(value)
}

/// Topics and states of the tables; those that are captured no more are forgotten.
fn prepare(
    log: &Log,
    settings: &Settings,
    looked_up: Vec<(Table, Arc<Plan>)>,
) -> Result<Vec<Captured>> {
    let mut tables = Vec::new();
    for ((table, plan), (name, topic)) in looked_up.into_iter().zip(&settings.tables) {
        records::ensure_topic(log, topic, &settings.format)?;
        let owner = state::table_owner(&settings.slot, name);
        let topic = TopicPartition::new(topic.clone(), 0);
        let backfill = match state::load(log, &owner)? {
            Some(backfill) => backfill,
            None => first(log, settings, (&table, &plan.form), &topic, &owner)?,
        };
        tables.push(Captured {
            has_large: table.columns.iter().any(|c| c.is_large),
            table,
            topic,
            plan,
            owner,
            backfill,
        });
    }
    let prefix = format!("{}/", state::owner(&settings.slot));
    let is_gone =
        |owner: &String| owner.starts_with(&prefix) && !tables.iter().any(|t| t.owner == *owner);
    let owners = log.positions().into_iter().map(|(owner, _)| owner);
    let gone: Vec<_> = owners.filter(is_gone).map(|owner| (owner, None)).collect();
    if !gone.is_empty() {
        log.commit(Commit {
            positions: gone,
            ..Commit::new()
        })?;
    }
    Ok(tables)
}

/// The backfill of a table begins, with an empty topic.
fn first(
    log: &Log,
    settings: &Settings,
    (table, form): (&Table, &Form),
    topic: &TopicPartition,
    owner: &str,
) -> Result<Backfill> {
    let columns = table.columns.iter().map(|c| (c.name.clone(), c.type_id));
    let backfill = Backfill {
        columns: columns.collect(),
        parts: None,
        has_gaps: false,
        done: !settings.backfills,
    };
    let mut commit = Commit::new().position(owner, state::store(&backfill)?);
    let now_us = now_us();
    let origin = Origin {
        xid: None,
        lsn: 0,
        after: 0,
        time_us: now_us,
        now_us,
    };
    let deleted = |key: Bytes| {
        let before = form.before_of_key(&key);
        form.records(Change::Deleted { key, before }, &origin)
    };
    let stale = records::live_keys(log, topic, form, Offset(0))?;
    if !stale.is_empty() {
        commit = commit.append(topic.clone(), stale.into_iter().flat_map(deleted));
    }
    log.commit(commit)?;
    Ok(backfill)
}

/// Forgets everything, so that the next start reads the tables anew.
///
/// # Errors
/// `Unavailable`.
pub(super) fn forget(log: &Log, settings: &Settings) -> Result<()> {
    let mut control = Session::connect(&settings.address)?;
    if slot::exists(&mut control, &settings.slot)? {
        slot::remove(&mut control, &settings.slot)?;
    }
    let owner = state::owner(&settings.slot);
    let prefix = format!("{owner}/");
    let is_ours = |o: &String| *o == owner || o.starts_with(&prefix);
    let owners = log.positions().into_iter().map(|(owner, _)| owner);
    let positions = owners.filter(is_ours).map(|owner| (owner, None)).collect();
    log.commit(Commit {
        positions,
        ..Commit::new()
    })
    .map(drop)
}
