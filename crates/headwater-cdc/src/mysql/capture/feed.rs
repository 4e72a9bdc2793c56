//! The binary log: what each message is for the tables that are captured.
//!
//! A transaction is kept until it ends, for it may be rolled back, to a savepoint or whole. One that is prepared (XA) is kept until it
//! is committed; a stream that begins anew is read from before the oldest of these.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result, Timestamp};

use super::progress::MySql;
use super::settings::TableName;
use super::shape::{Shape, columns};
use super::transaction::{Change, Transaction};
use crate::capture::{
    Change as RowChange, Feed, Form, Heard, InTopics, Intake, Place, RowPair, TableIndex, Target,
};
use crate::debezium::Origin;
use crate::mysql::{Message, Position, Received, Replica, Rows, Session, Statement, Table};

/// The binary log.
pub(crate) struct LogFeed {
    pub(super) replica: Replica,
    pub(super) control: Session,
    pub(super) tables: Vec<(TableName, Vec<String>)>,
    known: HashMap<TableName, Option<TableIndex>>,
    shapes: HashMap<TableIndex, (Arc<Table>, Arc<Shape>)>,
    open: Transaction,
    prepared: HashMap<String, Transaction>,
    /// What ends before this was taken over before.
    taken_over: Option<Position>,
    last: Position,
    server_end: Option<Position>,
}

impl LogFeed {
    pub(super) fn new(
        replica: Replica,
        control: Session,
        tables: Vec<(TableName, Vec<String>)>,
        start: Position,
        taken_over: Option<Position>,
    ) -> Self {
        let known = tables.iter().enumerate();
        Self {
            known: known
                .map(|(at, (name, _))| (name.clone(), Some(at)))
                .collect(),
            replica,
            control,
            tables,
            shapes: HashMap::new(),
            open: Transaction::default(),
            prepared: HashMap::new(),
            taken_over,
            last: start,
            server_end: None,
        }
    }
}

impl Feed for LogFeed {
    type Server = MySql;

    fn hear(&mut self, wait: Duration, into: Intake<'_, MySql>) -> Result<Heard> {
        let received = match self.replica.receive(wait) {
            Err(e) if e.kind() == ErrorKind::NotFound => return Ok(Heard::Lost(e)),
            received => received?,
        };
        match received {
            Received::Message(message) => self.message(message, into)?,
            Received::Reached(reached) => {
                self.server_end = Some(reached.clone());
                let is_new = self.taken_over.as_ref().is_none_or(|t| reached.reaches(t));
                if is_new {
                    self.last = reached.clone();
                    return Ok(Heard::Reached(reached.into()));
                }
            }
            Received::Nothing => return Ok(Heard::Nothing),
        }
        Ok(Heard::Something)
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
    fn message(&mut self, message: Message, mut into: Intake<'_, MySql>) -> Result<()> {
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
            Message::RollbackTo(name) => self.open.roll_back_to(&name)?,
            Message::Commit { end } => {
                let open = std::mem::take(&mut self.open);
                self.apply(open, end, &mut into)?;
            }
            Message::Rollback { end } => self.apply(self.nothing(), end, &mut into)?,
            Message::Prepare { xid, end } => {
                let open = std::mem::take(&mut self.open);
                self.prepared.insert(xid, open);
                self.apply(self.nothing(), end, &mut into)?;
            }
            Message::CommitPrepared { xid, end } => {
                let mut prepared = match self.prepared.remove(&xid) {
                    Some(prepared) => prepared,
                    None => self.unknown(),
                };
                prepared.time = self.open.time;
                self.apply(prepared, end, &mut into)?;
            }
            Message::RollbackPrepared { xid, end } => {
                self.prepared.remove(&xid);
                self.apply(self.nothing(), end, &mut into)?;
            }
        }
        Ok(())
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
        let changes =
            tables.flat_map(|at| [Change::Truncate(at), Change::Described(at, Vec::new())]);
        Transaction {
            changes: changes.collect(),
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
        for change in rows.changes()? {
            let change = change?;
            let before = change.before.map(|row| shape.key(&row));
            let after = change.after.map(|row| (shape.key(&row), shape.value(&row)));
            let change = row_change(before, after);
            let changes = change.map(|change| Change::Row(at, change));
            self.open.changes.extend(changes);
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
        let (name, key) = &self.tables[at];
        let mut keys: Vec<_> = rows
            .table
            .columns
            .iter()
            .filter(|c| c.key.is_some())
            .collect();
        keys.sort_by_key(|c| c.key);
        if !keys.iter().map(|c| &c.name).eq(key) {
            let text = format!("table '{name}' is identified by other columns than before");
            return Err(Error::new(ErrorKind::Unsupported, text)
                .with_hint("make its primary key as it was, or capture it anew"));
        }
        let shape = Arc::new(Shape::of(&rows.table)?);
        let described = Change::Described(at, columns(&rows.table));
        self.open.changes.push(described);
        self.shapes
            .insert(at, (Arc::clone(&rows.table), Arc::clone(&shape)));
        Ok(shape)
    }

    fn statement(&mut self, statement: &Statement) {
        if let Some((database, name)) = statement.truncates() {
            if let Some(at) = self.index(&database, &name) {
                self.open.changes.push(Change::Truncate(at));
            }
            return;
        }
        let sql = statement.sql.to_lowercase();
        for (at, (name, _)) in self.tables.iter().enumerate() {
            if sql.contains(&name.name.to_lowercase()) {
                self.open.changes.push(Change::Altered(at));
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
        let is_known = self.taken_over.as_ref().is_some_and(|t| t.reaches(&end));
        if !is_known {
            self.taken_over = None;
        }
        let mark = Arc::new(end.clone());
        into.assembly
            .begin(mark, Timestamp(transaction.time), is_known)?;
        if !is_known {
            for change in transaction.changes {
                self.change(change, into)?;
            }
        }
        let starts = self.prepared.values().map(|t| &t.start);
        let oldest = starts.reduce(|a, b| if a.reaches(b) { b } else { a });
        into.resume_from(oldest.cloned().map(Place::from));
        into.assembly.commit(end.into())
    }

    fn change(&mut self, change: Change, into: &mut Intake<'_, MySql>) -> Result<()> {
        match change {
            Change::Row(at, change) => target(into, at).0.put(change)?,
            Change::Truncate(at) => {
                let (mut target, mut before) = target(into, at);
                target.truncate(&mut before)?;
            }
            Change::Described(at, columns) => into.columns(at, columns),
            Change::Altered(at) => {
                let name = &self.tables[at].0;
                match Table::of(&mut self.control, &name.database, &name.name) {
                    Ok(table) => into.columns(at, columns(&table)),
                    Err(e) if e.kind() == ErrorKind::NotFound => {}
                    Err(e) => return Err(e),
                }
            }
        }
        Ok(())
    }
}

/// A table whose changes are written as rows, which do not say where they come from.
fn target<'a>(
    into: &'a mut Intake<'_, MySql>,
    table: TableIndex,
) -> (Target<'a, MySql>, InTopics<'a, MySql>) {
    into.target(table, &Form::ROWS, Origin::default())
}

/// What happened to a row, by the key that it had, and what it is now.
fn row_change(before: Option<Bytes>, after: Option<RowPair>) -> Option<RowChange> {
    let unknown = Bytes::new();
    Some(match (before, after) {
        (None, None) => return None,
        (None, Some((key, row))) => RowChange::Inserted { key, row },
        (Some(old_key), Some((key, row))) if old_key == key => RowChange::Updated {
            key,
            before: None,
            row,
        },
        (Some(old_key), Some((key, row))) => RowChange::Moved {
            old_key,
            before: unknown,
            key,
            row,
        },
        (Some(key), None) => RowChange::Deleted {
            key,
            before: unknown,
        },
    })
}
