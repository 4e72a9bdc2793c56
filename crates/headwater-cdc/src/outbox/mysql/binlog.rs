//! The outbox table in the binary log: its new rows in the order of commits, each transaction whole.
//!
//! What is in the table at first is read in a snapshot whose place in the log is known, and is one commit with that place. A stream that
//! begins anew is read from before the oldest transaction that was prepared (XA) and has not ended; what ends before the
//! place was published before.

use std::time::{Duration, Instant};

use headwater_log::{Error, ErrorKind, Log, Result};
use serde::{Deserialize, Serialize};

use super::emptied::Emptied;
use super::open::{Committed, Transactions};
use super::row::row;
use super::table::{POSITION, column, look_up, session};
use crate::mysql::{
    Address, Message, Position, Received, Replica, Rows, RowsKind, Session, Snapshot, TableName,
    Value, check, made_up_id,
};
use crate::outbox::handle::Shared;
use crate::outbox::prune::Pruning;
use crate::outbox::publisher::Publisher;
use crate::outbox::settings::OutboxSettings;

/// How long the server is listened to at a time.
const WAIT: Duration = Duration::from_millis(50);
/// Transactions are collected up to about so much.
const COMMIT_BYTES: usize = 1 << 20;
/// How often the place is stored when nothing of ours happens.
const IDLE_INTERVAL: Duration = Duration::from_secs(5);

/// How far the log was read.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Place {
    /// The kind of server, and the table.
    of: String,
    /// Everything that was committed before this is published.
    end: Position,
    /// Where a stream that begins anew is to begin, if that is before the end.
    resume: Option<Position>,
}

/// Until it is to stop, or something fails.
pub(in crate::outbox) fn run(
    log: &Log,
    settings: &OutboxSettings,
    (address, name): (&Address, &TableName),
    shared: &Shared,
) -> Result<()> {
    let mut control = session(address)?;
    if let Some(found) = check(&mut control, &[])?.into_iter().find(|f| f.is_fatal) {
        return Err(Error::new(ErrorKind::Invalid, found.what).with_hint(found.mend));
    }
    let table = look_up(&mut control, name, &settings.router)?;
    let pruning = settings.prunes.then(|| Emptied::new(&table)).transpose()?;
    let mut publisher = Publisher::new(log, settings)?;
    let kind = if control.is_mariadb() {
        "MariaDB"
    } else {
        "MySQL"
    };
    let of = format!("{kind} {name}");
    let place = match publisher.place::<Place>()? {
        Some(known) if known.of == of => known,
        Some(_) => return Err(settings.elsewhere()),
        None => first(of, settings, (address, name), &mut publisher, shared)?,
    };
    // It may have been left on another server.
    let end = place.end.clone().by_name();
    let start = place
        .resume
        .clone()
        .map_or_else(|| end.clone(), Position::by_name);
    let replica = Replica::connect(address, made_up_id(&settings.name), &start);
    let folds_names = control.value("SELECT @@lower_case_table_names")?;
    let mut stream = Stream {
        replica: replica.map_err(|e| lost(&settings.name, e))?,
        control,
        settings,
        name,
        shared,
        publisher,
        folds_names: folds_names.as_deref() != Some("0"),
        transactions: Transactions::default(),
        pruning: pruning.map(|table| (table, Pruning::new())),
        last: start,
        end: end.clone(),
        durable: end,
        place,
        is_open: false,
        stored: Instant::now(),
        wish: None,
    };
    shared.following();
    while !shared.is_stopped() {
        stream.step()?;
    }
    Ok(())
}

/// Publishes what is in the table, with the place of the log that it stands at.
fn first(
    of: String,
    settings: &OutboxSettings,
    (address, name): (&Address, &TableName),
    publisher: &mut Publisher<'_>,
    shared: &Shared,
) -> Result<Place> {
    let mut snapshot = Snapshot::open(address)?;
    if settings.has_backlog {
        let table = snapshot.table(&name.database, &name.name)?;
        let mut rows: Vec<Vec<Value>> = Vec::new();
        snapshot.rows(&table, None, u64::MAX, |values| {
            rows.push(values);
            Ok(())
        })?;
        if let Some((at, _)) = column(&table, POSITION) {
            rows.sort_by_key(|values| number(&values[at]));
        }
        rows.iter()
            .try_for_each(|values| publisher.put(&row(&table, values), None))?;
    }
    let place = Place {
        of,
        end: snapshot.position().clone(),
        resume: None,
    };
    shared.published(publisher.commit(&place)?);
    Ok(place)
}

fn number(value: &Value) -> i128 {
    match value {
        Value::Int(number) => i128::from(*number),
        Value::UInt(number) => i128::from(*number),
        _ => 0,
    }
}

fn lost(name: &str, why: Error) -> Error {
    match why.kind() {
        ErrorKind::NotFound => {
            let text = format!("outbox '{name}' cannot go on: {}", why.message());
            Error::new(ErrorKind::Corrupt, text).with_hint(
                "take the outbox over under another name: what is in its table then is published, also what was before",
            )
        }
        _ => why,
    }
}

struct Stream<'a> {
    replica: Replica,
    control: Session,
    settings: &'a OutboxSettings,
    name: &'a TableName,
    shared: &'a Shared,
    publisher: Publisher<'a>,
    /// Whether the server takes names of tables for the same that differ in capitals.
    folds_names: bool,
    transactions: Transactions,
    pruning: Option<(Emptied, Pruning<Position>)>,
    /// Where the last transaction that was heard of ends.
    last: Position,
    /// What ends before this was published before.
    end: Position,
    /// Everything before this is published and durable.
    durable: Position,
    place: Place,
    is_open: bool,
    stored: Instant,
    /// A wish, and the place that everything it is about lies before.
    wish: Option<(u64, Position)>,
}

impl Stream<'_> {
    fn step(&mut self) -> Result<()> {
        self.note_wish()?;
        let received = self.replica.receive(WAIT);
        match received.map_err(|e| lost(&self.settings.name, e))? {
            Received::Message(message) => self.take(message)?,
            Received::Reached(place) if !self.is_open => self.reach(place),
            Received::Reached(_) | Received::Nothing => {}
        }
        let is_full = self.publisher.bytes() >= COMMIT_BYTES;
        if self.is_open || !is_full && self.replica.has_more() {
            return Ok(());
        }
        let is_reached = self
            .wish
            .as_ref()
            .is_some_and(|(_, place)| self.last.reaches(place));
        let is_moved = self.last != self.durable && self.last.reaches(&self.end);
        let pruning = self.pruning.as_ref();
        let is_awaited = pruning.is_some_and(|(_, pruning)| pruning.is_waiting());
        let is_due = self.stored.elapsed() >= IDLE_INTERVAL || is_reached || is_awaited;
        if !self.publisher.is_empty() || is_moved && is_due {
            self.commit()?;
        }
        self.shared.caught_up();
        if let Some((wish, _)) = self.wish.take_if(|(_, place)| self.durable.reaches(place)) {
            self.prune(true)?;
            self.shared.serve(wish);
        }
        self.prune(false)
    }

    fn reach(&mut self, place: Position) {
        if place.reaches(&self.last) {
            self.last = place;
        }
    }

    /// A new wish is for everything before the end of the log as it is now.
    fn note_wish(&mut self) -> Result<()> {
        let wish = self.shared.wish();
        let is_known = |wish| self.wish.as_ref().is_some_and(|(known, _)| *known >= wish);
        if let Some(wish) = wish.filter(|wish| !is_known(*wish)) {
            self.wish = Some((wish, Position::current(&mut self.control)?));
        }
        Ok(())
    }

    fn prune(&mut self, at_once: bool) -> Result<()> {
        let Some((table, pruning)) = &mut self.pruning else {
            return Ok(());
        };
        let (mut table, durable) = (table.by(&mut self.control), &self.durable);
        pruning.step(&mut table, |place| durable.reaches(place), at_once)
    }

    fn commit(&mut self) -> Result<()> {
        self.place.end = self.last.clone();
        self.place.resume = self.transactions.oldest().cloned();
        self.shared.published(self.publisher.commit(&self.place)?);
        self.durable = self.last.clone();
        self.stored = Instant::now();
        Ok(())
    }

    fn take(&mut self, message: Message) -> Result<()> {
        match message {
            Message::Begin { time, .. } => {
                self.is_open = true;
                self.transactions.begin(self.last.clone(), time);
            }
            Message::Rows(rows) => self.rows(&rows)?,
            // What a table looks like comes with its rows.
            Message::Statement(_) => {}
            Message::Savepoint(name) => self.transactions.savepoint(name),
            Message::RollbackTo(name) => self.transactions.roll_back_to(&name)?,
            Message::Commit { end, .. } => {
                let committed = self.transactions.commit();
                self.ended(end, Some(committed))?;
            }
            Message::Rollback { end } => {
                self.transactions.roll_back();
                self.ended(end, None)?;
            }
            Message::Prepare { xid, end } => {
                self.transactions.prepare(xid);
                self.ended(end, None)?;
            }
            Message::CommitPrepared { xid, end } => {
                let committed = self.transactions.commit_prepared(&xid);
                if committed.is_none() && !self.end.reaches(&end) {
                    return Err(unheard(&xid));
                }
                self.ended(end, committed)?;
            }
            Message::RollbackPrepared { xid, end } => {
                self.transactions.roll_back_prepared(&xid);
                self.ended(end, None)?;
            }
        }
        Ok(())
    }

    /// Something has ended here, with the events of a transaction that is committed.
    fn ended(&mut self, end: Position, committed: Option<Committed>) -> Result<()> {
        self.is_open = false;
        let is_known = self.end.reaches(&end);
        if let Some(Committed { rows, time }) = committed.filter(|_| !is_known) {
            rows.iter()
                .try_for_each(|row| self.publisher.put(row, Some(time)))?;
        }
        self.last = end;
        Ok(())
    }

    /// Rows of an outbox are written once; what else is done to them says nothing.
    fn rows(&mut self, rows: &Rows) -> Result<()> {
        let table = &rows.table;
        let is =
            |a: &str, b: &str| a == b || self.folds_names && a.to_lowercase() == b.to_lowercase();
        let is_ours = is(&table.database, &self.name.database) && is(&table.name, &self.name.name);
        if rows.kind != RowsKind::Insert || !is_ours {
            return Ok(());
        }
        for change in rows.changes()? {
            if let Some(values) = change?.after {
                self.transactions.push(row(table, &values));
            }
        }
        Ok(())
    }
}

fn unheard(xid: &str) -> Error {
    let text = format!("transaction {xid} was prepared before the outbox was taken over");
    Error::new(ErrorKind::Corrupt, text).with_hint(
        "take the outbox over under another name: what is in its table then is published, also what was before",
    )
}
