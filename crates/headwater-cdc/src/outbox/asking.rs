//! A table that is asked again and again, where nothing may replicate.
//!
//! Numbers of a sequence are drawn before they are committed, so that a row may show up behind one with a higher number;
//! who remembers the highest number loses it. What is remembered here is the *snapshot* of the last question: the next one
//! takes the rows that its own snapshot sees and that one did not, in the order of their numbers. A row of a key that was
//! written when another of the key was committed is seen by no snapshot without that, and has a higher number, so that the
//! order of a key holds. Nothing waits for transactions that are open.

use std::time::{Duration, Instant};

use headwater_log::{Error, ErrorKind, Log, Result};
use serde::{Deserialize, Serialize};

use super::handle::Shared;
use super::publisher::Publisher;
use super::settings::OutboxSettings;
use super::table::{Columns, POSITION, XID};
use crate::postgres::{Address, Session, TableName, literal};

/// How often a table is asked that had nothing new.
const INTERVAL: Duration = Duration::from_millis(100);
/// How often rows are deleted.
const PRUNE_INTERVAL: Duration = Duration::from_secs(1);
/// Rows of one question.
const ROWS_MAX: usize = 5_000;
/// The snapshot that sees nothing.
const NOTHING: &str = "1:1:";

/// How far a table was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The server and the database.
    system: String,
    database: String,
    /// What this snapshot sees is published.
    seen: String,
    /// Of what this one sees beyond that, the rows up to a number.
    partly: Option<(String, i64)>,
}

/// Until it is to stop, or something fails.
pub(super) fn run(
    log: &Log,
    settings: &OutboxSettings,
    (address, table): (&Address, &TableName),
    shared: &Shared,
) -> Result<()> {
    let mut session = Session::connect(address)?;
    let mut publisher = Publisher::new(log, settings)?;
    let mut asking = Asking {
        columns: Columns::look_up(&mut session, table, settings)?,
        place: begin(&mut session, &mut publisher, settings, address)?,
        session,
        table,
    };
    shared.following();
    let mut pruned = Instant::now();
    while !shared.is_stopped() {
        // A wish is for what was committed before it, so that a question of before does not fulfil it.
        let wish = shared.wish().filter(|_| asking.place.partly.is_none());
        let rows = asking.ask(&mut publisher)?;
        if !publisher.is_empty() {
            shared.published(publisher.commit(&asking.place)?);
        }
        if asking.place.partly.is_some() {
            continue;
        }
        if let Some(wish) = wish {
            shared.serve(wish);
        }
        shared.caught_up();
        if settings.prunes && (pruned.elapsed() >= PRUNE_INTERVAL || wish.is_some()) {
            asking.prune()?;
            pruned = Instant::now();
        }
        if rows == 0 {
            shared.pause(INTERVAL);
        }
    }
    Ok(())
}

/// Where it goes on.
fn begin(
    session: &mut Session,
    publisher: &mut Publisher<'_>,
    settings: &OutboxSettings,
    address: &Address,
) -> Result<Place> {
    let invalid =
        |text: String, hint: &str| Err(Error::new(ErrorKind::Invalid, text).with_hint(hint));
    if session.value("SELECT pg_is_in_recovery()")?.as_deref() == Some("t") {
        let text = "the server is a standby, whose snapshots say too little".to_owned();
        return invalid(text, "ask the primary");
    }
    let system = session.value("SELECT system_identifier FROM pg_control_system()")?;
    let fresh = Place {
        system: system.unwrap_or_default(),
        database: address.database.clone(),
        seen: match settings.has_backlog {
            true => NOTHING.to_owned(),
            false => snapshot(session)?,
        },
        partly: None,
    };
    match publisher.place::<Place>()? {
        Some(known) if (&known.system, &known.database) == (&fresh.system, &fresh.database) => {
            Ok(known)
        }
        Some(_) => Err(settings.elsewhere()),
        None => {
            publisher.commit(&fresh)?;
            Ok(fresh)
        }
    }
}

fn snapshot(session: &mut Session) -> Result<String> {
    let now = session.value("SELECT pg_current_snapshot()")?;
    now.ok_or_else(|| Error::new(ErrorKind::Corrupt, "the server has no snapshot"))
}

struct Asking<'a> {
    session: Session,
    table: &'a TableName,
    columns: Columns,
    place: Place,
}

impl Asking<'_> {
    /// Puts the next rows, and moves the place behind them; how many they are.
    fn ask(&mut self, publisher: &mut Publisher<'_>) -> Result<usize> {
        self.session
            .query("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        let now = snapshot(&mut self.session)?;
        let (until, after) = self.place.partly.take().unwrap_or((now, i64::MIN));
        let seen = literal(&self.place.seen);
        let sql = format!(
            "SELECT {POSITION}, {} FROM {} WHERE {XID} >= pg_snapshot_xmin({seen}) \
             AND NOT pg_visible_in_snapshot({XID}, {seen}) AND pg_visible_in_snapshot({XID}, {}) \
             AND {POSITION} > {after} ORDER BY {POSITION} LIMIT {ROWS_MAX}",
            self.columns.listed(),
            self.table.quoted(),
            literal(&until),
        );
        let (mut rows, mut last) = (0, after);
        let columns = &self.columns;
        self.session.for_each(&sql, |cells| {
            let [position, cells @ ..] = cells else {
                return Err(Error::new(ErrorKind::Corrupt, "a row without columns"));
            };
            let position = position.to_text().and_then(|p| p.parse().ok());
            last =
                position.ok_or_else(|| Error::new(ErrorKind::Corrupt, "a row without a number"))?;
            rows += 1;
            publisher.put(&columns.row(cells), None)
        })?;
        self.session.query("COMMIT")?;
        match rows == ROWS_MAX {
            true => self.place.partly = Some((until, last)),
            false => self.place.seen = until,
        }
        Ok(rows)
    }

    /// Deletes what is published: only called when that is durable.
    fn prune(&mut self) -> Result<()> {
        let seen = literal(&self.place.seen);
        let sql = format!(
            "DELETE FROM {} WHERE {XID} < pg_snapshot_xmax({seen}) AND pg_visible_in_snapshot({XID}, {seen})",
            self.table.quoted()
        );
        self.session.query(&sql).map(drop)
    }
}
