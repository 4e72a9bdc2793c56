//! What happens before an outbox is streamed: everything is checked, and made where it is missing.
//!
//! A word in the log comes before the slot, so that one that was made just before a kill is known to be ours. What is in the
//! table at first is read in the snapshot that comes with the slot: the stream has exactly what that does not see. Both
//! together are published by one commit; until that is durable a slot of ours is made anew.

use headwater_log::{Error, ErrorKind, Log, Result};
use serde::{Deserialize, Serialize};

use super::publisher::Publisher;
use super::settings::OutboxSettings;
use super::table::{Columns, POSITION};
use crate::postgres::{Address, Lsn, Replication, Session, identifier, literal, slot};

/// How far the server's log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Place {
    /// The server and the database.
    pub(super) system: String,
    pub(super) database: String,
    /// Everything that was committed before this is published; `None`: the slot is about to be made.
    pub(super) end: Option<Lsn>,
}

/// A stream that has begun.
pub(super) struct Begun<'a> {
    pub(super) control: Session,
    pub(super) replication: Replication,
    pub(super) publisher: Publisher<'a>,
    pub(super) place: Place,
    pub(super) end: Lsn,
}

/// Connects, checks, makes what is missing, and starts the stream.
///
/// # Errors
/// `Unavailable`; what else is wrong, with what mends it.
pub(super) fn begin<'a>(
    log: &Log,
    settings: &'a OutboxSettings,
    address: &Address,
) -> Result<Begun<'a>> {
    let mut control = Session::connect(address)?;
    if control.value("SHOW wal_level")?.as_deref() != Some("logical") {
        let text = "the server does not write what logical replication needs";
        return Err(Error::new(ErrorKind::Invalid, text).with_hint(
            "ALTER SYSTEM SET wal_level = logical, then restart it; or have the table asked",
        ));
    }
    let columns = settings
        .table()
        .map(|t| Columns::look_up(&mut control, t, settings));
    let columns = columns.transpose()?;
    ensure_publication(&mut control, settings)?;
    let mut publisher = Publisher::new(log, settings)?;
    let mut replication = Replication::connect(address)?;
    let system = replication.identify()?;
    let fresh = Place {
        system: system.id,
        database: address.database.clone(),
        end: None,
    };
    let stored: Option<Place> = publisher.place()?;
    let is_other = |p: &Place| (&p.system, &p.database) != (&fresh.system, &fresh.database);
    if stored.as_ref().is_some_and(is_other) {
        return Err(settings.elsewhere());
    }
    let end = take_slot(
        &mut Making {
            control: &mut control,
            replication: &mut replication,
            publisher: &mut publisher,
            settings,
            columns: columns.as_ref(),
            fresh: &fresh,
        },
        stored,
        system.end,
    )?;
    let options = "proto_version '1', messages 'true'";
    replication.start_with(&settings.name, &settings.name, end, options)?;
    // Nobody else can move it any more.
    if let Some(why) = slot::loss(slot::look_up(&mut control, &settings.name)?.as_ref(), end) {
        return Err(lost(&settings.name, &why));
    }
    Ok(Begun {
        control,
        replication,
        publisher,
        place: fresh,
        end,
    })
}

/// What a slot is made with.
struct Making<'m, 's> {
    control: &'m mut Session,
    replication: &'m mut Replication,
    publisher: &'m mut Publisher<'s>,
    settings: &'s OutboxSettings,
    columns: Option<&'m Columns>,
    fresh: &'m Place,
}

/// Where the stream begins: the slot is ours and has what comes next, or is made.
fn take_slot(making: &mut Making<'_, '_>, stored: Option<Place>, server_end: Lsn) -> Result<Lsn> {
    let name = &making.settings.name;
    let known = slot::look_up(making.control, name)?;
    match stored.map(|p| p.end) {
        Some(Some(end)) => {
            let behind = || format!("the server's log ends at {server_end}, before {end}");
            let why = slot::loss(known.as_ref(), end);
            match why.or_else(|| (server_end < end).then(behind)) {
                Some(why) => Err(lost(name, &why)),
                None => Ok(end),
            }
        }
        Some(None) => making.slot(),
        None if known.is_some() => Err(slot::foreign(name)),
        None => {
            making.publisher.commit(making.fresh)?;
            making.slot()
        }
    }
}

impl Making<'_, '_> {
    /// Makes the slot, and publishes what is in the table then.
    fn slot(&mut self) -> Result<Lsn> {
        let name = &self.settings.name;
        if slot::exists(self.control, name)? {
            slot::remove(self.control, name)?;
        }
        let made = self.replication.create_slot(name, false)?;
        if self.settings.has_backlog {
            self.backlog(&made.snapshot)?;
        }
        self.publisher.commit(&Place {
            end: Some(made.consistent),
            ..self.fresh.clone()
        })?;
        Ok(made.consistent)
    }

    /// The rows that a snapshot sees.
    fn backlog(&mut self, snapshot: &str) -> Result<()> {
        let (Some(columns), Some(table)) = (self.columns, self.settings.table()) else {
            return Ok(());
        };
        let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET TRANSACTION SNAPSHOT";
        self.control
            .query(&format!("{begin} {}", literal(snapshot)))?;
        let order = match (&self.settings.router.timestamp, columns.has(POSITION)) {
            (_, true) => POSITION.to_owned(),
            (Some(time), false) => identifier(time),
            (None, false) => "ctid".to_owned(),
        };
        let sql = format!(
            "SELECT {} FROM {} ORDER BY {order}",
            columns.listed(),
            table.quoted()
        );
        let publisher = &mut *self.publisher;
        self.control
            .for_each(&sql, |cells| publisher.put(&columns.row(cells), None))?;
        self.control.query("COMMIT").map(drop)
    }
}

/// The publication has the table, of which only new rows count; or nothing, for messages.
fn ensure_publication(control: &mut Session, settings: &OutboxSettings) -> Result<()> {
    let (name, quoted) = (literal(&settings.name), identifier(&settings.name));
    let known = control.value(&format!(
        "SELECT pubinsert FROM pg_publication WHERE pubname = {name}"
    ))?;
    let of = settings
        .table()
        .map(|t| format!(" FOR TABLE {}", t.quoted()));
    if known.is_none() {
        let of = of.unwrap_or_default();
        let with = "WITH (publish = 'insert', publish_via_partition_root = true)";
        return control
            .query(&format!("CREATE PUBLICATION {quoted}{of} {with}"))
            .map(drop);
    }
    let Some(table) = settings.table() else {
        return Ok(());
    };
    let sql = format!(
        "SELECT 1 FROM pg_publication_tables WHERE pubname = {name} AND schemaname = {} AND tablename = {}",
        literal(&table.schema),
        literal(&table.name)
    );
    if known.as_deref() == Some("t") && control.value(&sql)?.is_some() {
        return Ok(());
    }
    let text = format!(
        "publication '{}' does not publish the rows of '{table}'",
        settings.name
    );
    Err(Error::new(ErrorKind::Invalid, text).with_hint(format!(
        "DROP PUBLICATION {quoted}: it is made as it must be; or choose another name"
    )))
}

fn lost(name: &str, why: &str) -> Error {
    let text = format!("slot '{name}' no longer has the events that come next: {why}");
    Error::new(ErrorKind::Corrupt, text).with_hint(
        "take the outbox over under another name: what is in its table then is published, also what was before",
    )
}
