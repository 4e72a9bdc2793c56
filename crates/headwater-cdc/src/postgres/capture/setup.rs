//! What happens before the stream begins: everything is checked, and made where it is missing.
//!
//! The order matters: the publication before the slot, which decodes with it; a word in the log before the slot, so
//! that a slot that was made just before a kill is known to be ours; the slot before the tables are looked at.

use std::str::FromStr;

use headwater_log::{Error, ErrorKind, Log, Result};

use super::feed::SlotFeed;
use super::form::{form, kinds};
use super::progress::PostgreSql;
use super::reading::{Plan, TableReads};
use super::settings::{Messages, Settings};
use super::{check, publication, slot};
use crate::capture::{
    Beats, Begun, Captured, Of, Place, Position, Ready, Room, TableOf, Telling, WHERE, forget,
    is_read, load, owner, prepare, store_position,
};
use crate::postgres::catalog::Kinds;
use crate::postgres::failure::malformed;
use crate::postgres::shape::Shape;
use crate::postgres::{Lsn, Replication, Session, Snapshot, Table};

/// Where the slot is, or why it does not have what comes next.
enum Begin {
    At(Box<Position>, Lsn),
    Lost(String),
}

/// Connects, checks, makes what is missing, and starts the stream.
///
/// # Errors
/// `Unavailable`; what else is wrong, with what mends it.
pub(crate) fn begin(log: &Log, settings: &Settings) -> Result<Begun<SlotFeed, TableReads>> {
    let mut control = Session::connect(&settings.address)?;
    let named = settings.tables.len();
    let settings = &settings.with_matching(&mut control)?;
    let names = settings.tables.iter().map(|(name, _)| name.to_string());
    if settings.ends_when_read && is_read::<PostgreSql>(log, &settings.slot, names)? {
        return Ok(Begun::Over);
    }
    let stored: Option<Position> = load(log, &owner(&settings.slot))?;
    let makes_slot = stored.as_ref().is_none_or(|p| p.end.is_none());
    check::demand(&mut control, settings, makes_slot)?;
    let mut replication = Replication::connect(&settings.address)?;
    let mut kinds = kinds(&settings.format);
    // It says what is wrong with a table before the publication does.
    look_up(&mut control, settings, &mut kinds)?;
    publication::ensure(&mut control, settings)?;
    let looked_up = look_up(&mut control, settings, &mut kinds)?;
    let described: Lsn = asked(&mut control, "SELECT pg_current_wal_insert_lsn()")?;
    let lost = |why: &str| Ok(Begun::Lost(slot::lost_changes(&settings.slot, why)));
    let place = take_slot(log, settings, &mut control, &mut replication, stored)?;
    let (position, end) = match place {
        Begin::At(position, end) => (*position, end),
        Begin::Lost(why) => return lost(&why),
    };
    let mut of = describe(settings, &looked_up);
    if !makes_slot {
        want_all(&mut of[named..]);
    }
    let begin = end.into();
    let capture = Of::new(&settings.slot, &settings.format, &begin);
    let tables = prepare(log, &capture, of)?;
    let binary = settings.binary && looked_up.iter().all(|(_, p)| p.shape.is_binary());
    let options = plugin_options(&mut control, settings, binary)?;
    replication.start_with(&settings.slot, &settings.publication, end, &options)?;
    // Nobody else can move it any more.
    let known = slot::look_up(&mut control, &settings.slot)?;
    if let Some(why) = slot::loss(known.as_ref(), end) {
        return lost(&why);
    }
    let horizon: Snapshot = asked(&mut control, "SELECT pg_current_snapshot()")?;
    let (of_tables, mut plans): (Vec<_>, Vec<_>) = looked_up.into_iter().unzip();
    narrow(&mut plans, &tables);
    Ok(Begun::Ready(Box::new(Ready {
        feed: SlotFeed::new(
            log,
            settings,
            (control, replication),
            kinds,
            (of_tables, described),
            binary,
        ),
        reads: TableReads {
            room: Room::default(),
            address: settings.address.clone(),
            plans,
            horizon: horizon.next(),
        },
        tables,
        position,
        end: end.into(),
        range: settings.range_blocks,
        readers: settings.readers,
        whole_bytes: settings.whole_bytes,
        skipped: settings.filters.skipped,
        messages: settings.messages.as_ref().map(Messages::partition),
        telling: Telling::of(&settings.format),
        beats: Beats::of(&settings.format),
        ends_when_read: settings.ends_when_read,
    })))
}

/// Only rows are read that were asked for.
fn narrow(plans: &mut [Plan], tables: &[Captured<PostgreSql>]) {
    for (plan, table) in plans.iter_mut().zip(tables) {
        plan.filters.extend(table.backfill.filter.clone());
    }
}

/// The options of the plugin: the highest version of its messages that the server has, and transactions while they run.
fn plugin_options(control: &mut Session, settings: &Settings, binary: bool) -> Result<String> {
    let version = control.value("SELECT current_setting('server_version_num')::int / 10000")?;
    let version = match version.unwrap_or_default().parse() {
        Ok(0..=14) => 2,
        Ok(15) => 3,
        Ok(_) => 4,
        Err(_) => return Err(malformed("version")),
    };
    let messages = match settings.messages {
        Some(_) => ", messages 'true'",
        None => "",
    };
    let binary = if binary { ", binary 'true'" } else { "" };
    Ok(format!(
        "proto_version '{version}', streaming 'on'{messages}{binary}"
    ))
}

/// The one value of a query.
fn asked<T: FromStr<Err = Error>>(control: &mut Session, sql: &str) -> Result<T> {
    control.value(sql)?.unwrap_or_default().parse()
}

/// What matches only since the capture has begun has been made since, or nothing of it was heard: all of it is new.
fn want_all(matching: &mut [TableOf<PostgreSql>]) {
    for table in matching {
        table.is_wanted = true;
    }
}

/// The tables as the server describes them.
fn describe(settings: &Settings, looked_up: &[(Table, Plan)]) -> Vec<TableOf<PostgreSql>> {
    let tables = looked_up.iter().zip(&settings.tables);
    let described = tables.map(|((table, plan), (name, topic))| {
        let columns = table.columns.iter().map(|c| (c.name.clone(), c.type_id));
        TableOf {
            name: name.to_string(),
            topic: topic.clone(),
            columns: columns.collect(),
            // Other rows are another table.
            identity: match settings.condition(name) {
                Some(condition) => format!("{}{WHERE}{condition}", table.identity()),
                None => table.identity(),
            },
            form: form(&plan.shape, name, settings),
            is_wanted: settings.reads(name),
            is_reread: settings.reads(name),
            filter: settings.read_condition(name).map(str::to_owned),
        }
    });
    described.collect()
}

fn look_up(
    control: &mut Session,
    settings: &Settings,
    kinds: &mut Kinds,
) -> Result<Vec<(Table, Plan)>> {
    let one = |(name, _): &(_, String)| {
        let mut table = Table::keyed(control, name, &settings.filters)?;
        table.publish(control, &settings.publication)?;
        settings.check_key(&table)?;
        let shape = Shape::of_table(&table, &settings.filters, kinds, control)?;
        Ok((
            table,
            Plan {
                name: name.clone(),
                shape,
                filters: settings
                    .condition(name)
                    .map(str::to_owned)
                    .into_iter()
                    .collect(),
            },
        ))
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
) -> Result<Begin> {
    let system = replication.identify()?;
    let name = &settings.slot;
    let known = slot::look_up(control, name)?;
    let fresh = Position {
        system: system.id.clone(),
        timeline: Some(system.timeline),
        database: settings.address.database.clone(),
        format: settings.format.name().to_owned(),
        paused: stored.as_ref().is_some_and(|p| p.paused),
        end: None,
        resume: None,
        part: stored.as_ref().and_then(|p| p.part.clone()),
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
    let known_end = stored.as_ref().and_then(|p| p.end.as_ref());
    if let Some(Place::PostgreSql(end)) = known_end.cloned() {
        let behind = || format!("the server's log ends at {}, before {end}", system.end);
        let before = stored.as_ref().and_then(|p| p.timeline);
        let why = match diverged(replication, before, system.timeline, end)? {
            None => slot::loss(known.as_ref(), end).or_else(|| (system.end < end).then(behind)),
            diverged => diverged,
        };
        return Ok(why.map_or(Begin::At(Box::new(fresh), end), Begin::Lost));
    }
    let mut expected = log.position(&owner(name));
    if expected.is_none() {
        if known.is_some() {
            return Err(slot::foreign(name));
        }
        expected = Some(store_position(log, name, None, &fresh)?);
    }
    let end = match known {
        Some(made) => slot::beginning(&made, name)?,
        None if settings.failover => replication.create_failover_slot(name)?,
        None => {
            let slot = replication.create_slot(name, settings.is_temporary)?;
            slot.consistent
        }
    };
    let made = Position {
        end: Some(end.into()),
        ..fresh.clone()
    };
    store_position(log, name, expected, &made)?;
    Ok(Begin::At(Box::new(fresh), end))
}

/// Why what was taken over is not what the server has, if it is on another timeline than before.
fn diverged(
    replication: &mut Replication,
    before: Option<u32>,
    now: u32,
    end: Lsn,
) -> Result<Option<String>> {
    let Some(before) = before.filter(|before| *before != now) else {
        return Ok(None);
    };
    // The first timeline has no history.
    let left = match now {
        1 => None,
        _ => replication.left(before, now)?,
    };
    Ok(match left {
        Some(left) if left >= end => None,
        Some(left) => Some(format!(
            "the server was restored as it was at {left}, but what it had until {end} had been taken over"
        )),
        None => Some(format!(
            "the server is on timeline {now}, which does not come from {before}"
        )),
    })
}

/// Gives the slot up: the server keeps nothing for it any more. A capture of more tables makes it anew.
///
/// # Errors
/// `Unavailable`.
pub(crate) fn finish(log: &Log, settings: &Settings) -> Result<()> {
    let name = owner(&settings.slot);
    let Some(stored) = load::<Position>(log, &name)?.filter(|p| p.end.is_some()) else {
        return Ok(());
    };
    let mut control = Session::connect(&settings.address)?;
    if slot::exists(&mut control, &settings.slot)? {
        slot::remove(&mut control, &settings.slot)?;
    }
    let without = Position {
        end: None,
        ..stored
    };
    store_position(log, &settings.slot, log.position(&name), &without).map(drop)
}

/// Forgets everything, so that the next start reads the tables anew.
///
/// # Errors
/// `Unavailable`.
pub(crate) fn begin_anew(log: &Log, settings: &Settings) -> Result<()> {
    let mut control = Session::connect(&settings.address)?;
    if slot::exists(&mut control, &settings.slot)? {
        slot::remove(&mut control, &settings.slot)?;
    }
    forget(log, &settings.slot)
}
