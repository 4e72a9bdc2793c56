//! The binary log: what each message is for the tables that are captured.
//!
//! A transaction is kept until it ends, for it may be rolled back, to a savepoint or whole. One that is prepared (XA) is kept until it
//! is committed, or the server has it no more; a stream that begins anew is read from before the oldest of these.

mod prepared;
mod tables;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result, Timestamp};

use self::prepared::Prepared;
use super::form::Forms;
use super::progress::MySql;
use super::settings::TableName;
use super::shape::Shape;
use super::transaction::{Change, Row, Transaction};
use crate::capture::{
    self, Change as RowChange, Feed, Heard, Heartbeat, Intake, Place, RowPair, TableIndex,
};
use crate::debezium::{Origin, OriginPlace, now_us};
use crate::filter::Matching;
use crate::mysql::ddl::Effect;
use crate::mysql::{Message, Position, Received, Replica, Rows, Session, Statement, Table, Value};

/// The binary log.
pub(crate) struct LogFeed {
    pub(super) replica: Replica,
    pub(super) control: Session,
    pub(super) tables: Vec<TableName>,
    forms: Forms,
    /// Tables that are captured because their names match.
    pub(super) matching: Option<Matching>,
    /// A statement that is run again and again.
    pub(super) heartbeat: Option<Heartbeat>,
    /// When it was run last.
    beat: Option<Instant>,
    /// When it was looked last whether there are new ones.
    looked: Option<Instant>,
    /// Whether what is in the tables is read.
    pub(super) backfills: bool,
    /// Whether the server takes names of tables for the same that differ in capitals.
    pub(super) folds_names: bool,
    known: HashMap<TableName, Option<TableIndex>>,
    /// Tables that are described already; what was taken back described nothing.
    shapes: HashMap<TableIndex, (Arc<Table>, Arc<Shape>)>,
    open: Transaction,
    prepared: Prepared,
    /// What ends before this was taken over before.
    taken_over: Option<Position>,
    last: Position,
    server_end: Option<Position>,
    /// Of what happens to whole tables in the transaction that is put into topics.
    origin: Origin,
}

impl LogFeed {
    pub(super) fn new(
        replica: Replica,
        control: Session,
        (tables, forms): (Vec<TableName>, Forms),
        start: Position,
        taken_over: Option<Position>,
    ) -> Self {
        let known = tables.iter().enumerate();
        Self {
            known: known.map(|(at, name)| (name.clone(), Some(at))).collect(),
            replica,
            control,
            tables,
            forms,
            matching: None,
            heartbeat: None,
            beat: None,
            looked: None,
            backfills: true,
            folds_names: false,
            shapes: HashMap::new(),
            open: Transaction::default(),
            prepared: Prepared::default(),
            taken_over,
            last: start,
            server_end: None,
            origin: Origin::default(),
        }
    }
}

impl Feed for LogFeed {
    type Server = MySql;

    fn hear(&mut self, wait: Duration, mut into: Intake<'_, MySql>) -> Result<Heard> {
        if self.has_new_tables()? {
            return Ok(Heard::Changed);
        }
        self.beat()?;
        self.forget_lost(&mut into)?;
        let received = match self.replica.receive(wait) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Heard::Lost(e)),
            received => received?,
        };
        match received {
            Received::Message(message) => self.message(message, into),
            Received::Reached(reached) => {
                self.server_end = Some(reached.clone());
                let is_new = self.taken_over.as_ref().is_none_or(|t| reached.reaches(t));
                if !is_new {
                    return Ok(Heard::Something);
                }
                self.last = reached.clone();
                Ok(Heard::Reached(reached.into()))
            }
            Received::Nothing => Ok(Heard::Nothing),
        }
    }

    fn has_more(&self) -> bool {
        self.replica.has_more()
    }

    fn confirm(&mut self, _durable: &Place, _must: bool) -> Result<()> {
        // The server keeps its log for a time, not for us.
        Ok(())
    }

    fn server_end(&self) -> Option<Place> {
        self.server_end.clone().map(Place::from)
    }
}

impl LogFeed {
    fn message(&mut self, message: Message, mut into: Intake<'_, MySql>) -> Result<Heard> {
        match message {
            Message::Begin { time, .. } => {
                self.open = Transaction {
                    time: i64::from(time) * 1000,
                    start: self.last.clone(),
                    ..Transaction::default()
                };
            }
            Message::Rows(rows) => self.rows(&rows)?,
            Message::Statement(statement) => self.statement(&statement),
            Message::Savepoint(name) => self.open.set_savepoint(&name),
            Message::RollbackTo(name) => {
                self.open.roll_back_to(&name)?;
                self.shapes.clear();
            }
            Message::Commit { end, number } => {
                let mut open = std::mem::take(&mut self.open);
                if self.forms.tells_standing() {
                    open.number_rows(number, into.skipped);
                }
                self.apply(open, end, &mut into)?;
            }
            Message::Rollback { end } => {
                self.shapes.clear();
                self.apply(self.nothing(), end, &mut into)?;
            }
            Message::Prepare { xid, end } => {
                let open = std::mem::take(&mut self.open);
                self.prepared.insert(xid, open);
                self.apply(self.nothing(), end, &mut into)?;
            }
            Message::CommitPrepared { xid, end } => {
                let mut prepared = match self.prepared.remove(&xid) {
                    Some(prepared) => prepared,
                    None if self.is_known(&end) => self.nothing(),
                    None if self.backfills => self.unknown(),
                    None => return Ok(Heard::Lost(unheard(&xid))),
                };
                prepared.time = self.open.time;
                if self.forms.tells_standing() {
                    prepared.number_rows(None, into.skipped);
                }
                self.apply(prepared, end, &mut into)?;
            }
            Message::RollbackPrepared { xid, end } => {
                self.prepared.remove(&xid);
                self.apply(self.nothing(), end, &mut into)?;
            }
        }
        Ok(Heard::Something)
    }

    /// Whether what ends here was taken over before.
    fn is_known(&self, end: &Position) -> bool {
        self.taken_over.as_ref().is_some_and(|t| t.reaches(end))
    }

    /// A transaction that changes nothing.
    fn nothing(&self) -> Transaction {
        Transaction {
            time: self.open.time,
            ..Transaction::default()
        }
    }

    /// A transaction that was prepared before the stream began: what it changes is not known, so that all is read anew.
    fn unknown(&self) -> Transaction {
        let tables = 0..self.tables.len();
        Transaction {
            changes: tables.map(Change::Replaced).collect(),
            ..Transaction::default()
        }
    }

    /// The table, if it is captured.
    fn index(&mut self, database: &str, name: &str) -> Option<TableIndex> {
        let name = TableName::new(database, name);
        *self.known.entry(name).or_insert(None)
    }

    fn rows(&mut self, rows: &Rows) -> Result<()> {
        let Some(at) = self.index(&rows.table.database, &rows.table.name) else {
            return Ok(());
        };
        let shape = self.shape(at, rows)?;
        let now_us = now_us();
        for (row, change) in (0..).zip(rows.changes()?) {
            let change = change?;
            // A row that comes to be chosen is new, one that is chosen no more is gone.
            let (was, is) = (change.before, change.after);
            let (was, is) = (was.filter(|r| shape.has(r)), is.filter(|r| shape.has(r)));
            let before = was.map(|row| before(&shape, &row)).transpose()?;
            let after = is.map(|row| shape.pair(&row)).transpose()?;
            let Some(change) = row_change(before, after) else {
                continue;
            };
            let origin = Origin {
                place: OriginPlace::Binlog(Arc::clone(&rows.place), row),
                is_read: false,
                time_us: i64::from(rows.time) * 1_000_000,
                now_us,
                order: None,
                standing: None,
            };
            self.open.changes.push(Change::Row(Row {
                table: at,
                change,
                shape: Arc::clone(&shape),
                origin,
            }));
        }
        Ok(())
    }

    fn shape(&mut self, at: TableIndex, rows: &Rows) -> Result<Arc<Shape>> {
        if let Some((table, shape)) = self.shapes.get(&at)
            && Arc::ptr_eq(table, &rows.table)
        {
            return Ok(Arc::clone(shape));
        }
        // It says by itself what is wrong with a table that is not described.
        drop(rows.changes()?);
        let shape = self.forms.shape(&rows.table, &mut self.control)?;
        let shape = Arc::new(shape);
        let described = Change::Described(at, shape.columns.clone());
        self.open.changes.push(described);
        self.shapes
            .insert(at, (Arc::clone(&rows.table), Arc::clone(&shape)));
        Ok(shape)
    }

    fn statement(&mut self, statement: &Statement) {
        for named in statement.effects() {
            for at in self.named(&named) {
                // What comes next is described once more.
                self.shapes.remove(&at);
                let changes = &mut self.open.changes;
                match named.effect {
                    Effect::Altered => changes.push(Change::Altered(at)),
                    Effect::Emptied => changes.extend([Change::Truncate(at), Change::Altered(at)]),
                    Effect::Replaced => changes.push(Change::Replaced(at)),
                }
            }
        }
    }

    /// A transaction becomes records.
    fn apply(
        &mut self,
        transaction: Transaction,
        end: Position,
        into: &mut Intake<'_, MySql>,
    ) -> Result<()> {
        self.last = end.clone();
        let is_known = self.is_known(&end);
        if !is_known {
            self.taken_over = None;
        }
        let place = Place::from(end.clone());
        self.origin = Origin {
            place: place.origin(),
            is_read: false,
            time_us: transaction.time * 1000,
            now_us: now_us(),
            order: None,
            standing: None,
        };
        into.begin(capture::Transaction {
            mark: Arc::new(end),
            time: Timestamp(transaction.time),
            commit: place.clone(),
            is_known,
        })?;
        if !is_known {
            for change in transaction.changes {
                self.change(change, into)?;
            }
        }
        into.resume_from(self.prepared.start());
        into.assembly.commit(place)
    }

    fn change(&mut self, change: Change, into: &mut Intake<'_, MySql>) -> Result<()> {
        match change {
            Change::Row(row) => {
                let (mut target, _) = into.target(row.table, &row.shape.form, row.origin);
                target.put(row.change)?;
            }
            Change::Truncate(at) => self.emptied(into, at, false)?,
            Change::Described(at, columns) => self.described(into, at, columns)?,
            Change::Altered(at) => {
                if let Some(columns) = self.columns_now(at)? {
                    self.described(into, at, columns)?;
                }
            }
            Change::Replaced(at) => {
                self.emptied(into, at, true)?;
                if let Some(columns) = self.columns_now(at)? {
                    into.anew(at, columns);
                }
            }
        }
        Ok(())
    }
}

/// Whose changes came before the stream began.
fn unheard(xid: &str) -> Error {
    let text = format!(
        "transaction {xid} was prepared before the capture began and is committed now: its changes are not known"
    );
    Error::new(ErrorKind::NotFound, text).with_hint("capture what is in the tables too")
}

/// The key of a row that was, and all of it if records say that.
fn before(shape: &Shape, row: &[Value]) -> Result<RowPair> {
    let whole = match shape.form.has_before() {
        true => shape.value(row)?,
        false => Bytes::new(),
    };
    Ok((shape.key(row)?, whole))
}

/// What happened to a row, by the key that it had, and what it is now.
fn row_change(before: Option<RowPair>, after: Option<RowPair>) -> Option<RowChange> {
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some((key, row))) => RowChange::Inserted { key, row },
        (Some((old_key, before)), Some((key, row))) if old_key == key => RowChange::Updated {
            key,
            before: Some(before).filter(|before| !before.is_empty()),
            row,
        },
        (Some((old_key, before)), Some((key, row))) => RowChange::Moved {
            old_key,
            before,
            key,
            row,
        },
        (Some((key, before)), None) => RowChange::Deleted { key, before },
    })
}
