//! From events to transactions: what each event means at its place. Decides only; speaks with nobody.
//!
//! | state | event | next |
//! |---|---|---|
//! | between | GTID | in a group, which one statement ends if it stands alone |
//! | between | `BEGIN` | in a transaction |
//! | in a group | `BEGIN` | in a transaction |
//! | in a group | other statement | between |
//! | in a transaction | XID, `COMMIT`, `ROLLBACK`, XA PREPARE | between |
//! | in a transaction | rows, other statement | in a transaction |

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use bytes::Bytes;
use headwater_log::{Error, ErrorKind, Result};

use super::charset::Charsets;
use super::event::{Event, GtidEvent, Header};
use super::failure::malformed;
use super::gtid::Gtid;
use super::position::Position;
use super::rows::{RawRows, Rows};
use super::statement::{Statement, Word};
use super::table::{Flavor, Table};
use crate::debezium::BinlogPlace;

/// Part of a transaction.
#[derive(Debug, Clone)]
pub enum Message {
    /// A transaction begins.
    Begin {
        /// Its name; `None`: the server does not name it.
        gtid: Option<Gtid>,
        /// Seconds since 1970, when its first statement ran.
        time: u32,
    },
    /// Rows of a table.
    Rows(Rows),
    /// A statement that may have changed what tables look like, or emptied one.
    Statement(Statement),
    /// A place to which [`Message::RollbackTo`] goes back.
    Savepoint(String),
    /// What came after the savepoint of this name has not happened.
    RollbackTo(String),
    /// The transaction is whole.
    Commit {
        /// From here on the log need not be read again.
        end: Position,
        /// The number that the engine has for it; `None`: it has none.
        number: Option<u64>,
    },
    /// Nothing of the transaction has happened.
    Rollback {
        /// From here on the log need not be read again.
        end: Position,
    },
    /// The transaction is whole, and happens when [`Message::CommitPrepared`] says so: until then it must be kept.
    Prepare {
        /// Its name.
        xid: String,
        /// From here on the log need not be read again.
        end: Position,
    },
    /// A transaction that was prepared happens now.
    CommitPrepared {
        /// Its name.
        xid: String,
        /// From here on the log need not be read again.
        end: Position,
    },
    /// A transaction that was prepared does not happen.
    RollbackPrepared {
        /// Its name.
        xid: String,
        /// From here on the log need not be read again.
        end: Position,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Between,
    Group,
    Transaction,
}

/// A table as it came, and what it means.
type Known = (Bytes, Arc<Table>);

/// Puts events together.
#[derive(Debug)]
pub(super) struct Assembler {
    state: State,
    /// After the last whole transaction, and the file that events are of.
    position: Position,
    gtid: Option<Gtid>,
    tables: HashMap<u64, Known>,
    /// Tables of which more is known than the log says, and what.
    revealed: Vec<(Arc<Table>, Arc<Table>)>,
    flavor: Flavor,
    charsets: Charsets,
    /// The session that writes, where MySQL says that.
    thread: Option<u32>,
    /// Set where an event of MySQL holds a whole transaction: the head of that event.
    payload: Option<Header>,
    out: VecDeque<Message>,
}

impl Assembler {
    pub(super) fn new(position: Position, is_mariadb: bool, charsets: Charsets) -> Self {
        Self {
            state: State::Between,
            position,
            gtid: None,
            tables: HashMap::new(),
            revealed: Vec::new(),
            flavor: match is_mariadb {
                true => Flavor::MariaDb,
                false => Flavor::MySql,
            },
            charsets,
            thread: None,
            payload: None,
            out: VecDeque::new(),
        }
    }

    /// What the events so far have said and nobody has heard.
    pub(super) fn next(&mut self) -> Option<Message> {
        self.out.pop_front()
    }

    /// Whether there is something that nobody has heard.
    pub(super) fn has_more(&self) -> bool {
        !self.out.is_empty()
    }

    /// After the last whole transaction.
    pub(super) fn position(&self) -> &Position {
        &self.position
    }

    /// Hears an event; whether the log is read up to where the server is.
    pub(super) fn hear(&mut self, header: Header, event: Event) -> Result<bool> {
        match event {
            Event::Format { .. } => self.tables.clear(),
            Event::Rotate { file, offset } => self.rotate(file, offset),
            Event::Gtid(gtid) => self.begin_group(gtid, header.time)?,
            Event::Query {
                thread,
                database,
                sql,
            } => self.query(header, thread, Statement { database, sql })?,
            Event::Xid(number) => {
                let number = Some(number);
                self.end(header, |end| Message::Commit { end, number })?
            }
            Event::XaPrepare { is_one_phase, xid } => {
                self.end(header, |end| match is_one_phase {
                    true => Message::Commit { end, number: None },
                    false => Message::Prepare { xid, end },
                })?
            }
            Event::TableMap(body) => self.table(body)?,
            Event::Rows(rows) => self.rows(header, rows)?,
            Event::Payload(_) => self.payload = Some(header),
            Event::Heartbeat(file) => {
                return Ok(self.state == State::Between
                    && file == self.position.file
                    && self.advance(header.end));
            }
            Event::Incident(reason) => return Err(incident(&reason)),
            Event::Load => return Err(self.by_statement("LOAD DATA", "")),
            Event::Other => self.pass(header),
        }
        Ok(false)
    }

    fn rotate(&mut self, file: String, offset: u64) {
        // At the beginning the server names the file from which it sends, be it the one that we know or another one.
        if self.state == State::Between || file != self.position.file {
            self.position.file = file;
            self.position.offset = offset;
        }
    }

    /// Events between transactions, as those at the beginning of a file, need not be read again.
    fn pass(&mut self, header: Header) {
        if self.state == State::Between && self.payload.is_none() {
            self.advance(header.end);
        }
    }

    fn begin_group(&mut self, event: GtidEvent, time: u32) -> Result<()> {
        if self.state != State::Between {
            return Err(malformed("transaction without an end"));
        }
        self.gtid = event.gtid;
        self.state = match (self.flavor, event.is_standalone) {
            (Flavor::MariaDb, false) => State::Transaction,
            _ => State::Group,
        };
        let gtid = event.gtid;
        self.thread = None;
        self.out.push_back(Message::Begin { gtid, time });
        Ok(())
    }

    fn query(&mut self, header: Header, thread: u32, statement: Statement) -> Result<()> {
        if self.state == State::Between {
            (self.gtid, self.thread) = (None, None);
            self.state = State::Group;
            let (gtid, time) = (None, header.time);
            self.out.push_back(Message::Begin { gtid, time });
        }
        match statement.word() {
            Word::Begin => {
                self.state = State::Transaction;
                self.thread = Some(thread);
                return Ok(());
            }
            Word::Commit => return self.end(header, |end| Message::Commit { end, number: None }),
            Word::Rollback => return self.end(header, |end| Message::Rollback { end }),
            Word::Savepoint(name) => self.out.push_back(Message::Savepoint(name)),
            Word::RollbackTo(name) => self.out.push_back(Message::RollbackTo(name)),
            Word::XaBegin | Word::XaEnd => {
                self.state = State::Transaction;
                return Ok(());
            }
            Word::XaCommit(xid) => {
                return self.end(header, |end| Message::CommitPrepared { xid, end });
            }
            Word::XaRollback(xid) => {
                return self.end(header, |end| Message::RollbackPrepared { xid, end });
            }
            Word::Changes(word) => {
                return Err(self.by_statement(word, &statement.database));
            }
            Word::Other => {
                if statement.opens_transaction() {
                    self.state = State::Transaction;
                }
                self.out.push_back(Message::Statement(statement));
            }
        }
        match self.state {
            State::Group => self.end(header, |end| Message::Commit { end, number: None }),
            _ => Ok(()),
        }
    }

    fn table(&mut self, body: Bytes) -> Result<()> {
        let id = Table::id(&body)?;
        if self
            .tables
            .get(&id)
            .is_some_and(|(known, _)| *known == body)
        {
            return Ok(());
        }
        // A copy, since it is kept longer than the packet that it came in.
        let body = Bytes::copy_from_slice(&body);
        let table = Table::decode(body.clone(), self.flavor, &self.charsets)?;
        self.tables.insert(id, (body, Arc::new(table)));
        Ok(())
    }

    fn rows(&mut self, header: Header, raw: RawRows) -> Result<()> {
        // MySQL marks the end of a statement by an event without a table.
        const DUMMY: u64 = 0xff_ffff;
        if raw.table == DUMMY && raw.data.is_empty() {
            return Ok(());
        }
        if self.state == State::Between {
            return Err(malformed("row outside of a transaction"));
        }
        let Some((_, table)) = self.tables.get(&raw.table) else {
            let text = format!(
                "rows of a table that was not announced, before {}",
                header.end
            );
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        let mut rows = Rows::new(table.clone(), raw);
        (rows.place, rows.time) = (self.place(header).into(), header.time);
        self.out.push_back(Message::Rows(rows));
        Ok(())
    }

    /// What a table was found to be.
    pub(super) fn revealed(&self, table: &Arc<Table>) -> Option<Arc<Table>> {
        let mut revealed = self.revealed.iter();
        let found = revealed.find(|(old, _)| Arc::ptr_eq(old, table));
        found.map(|(_, new)| new.clone())
    }

    /// Remembers what the log does not say of a table, as long as the table is remembered.
    pub(super) fn reveal(&mut self, old: &Arc<Table>, new: &Arc<Table>) {
        let tables = &self.tables;
        let is_known = |old: &Arc<Table>| tables.values().any(|(_, t)| Arc::ptr_eq(t, old));
        self.revealed.retain(|(old, _)| is_known(old));
        self.revealed.push((old.clone(), new.clone()));
    }

    fn end(&mut self, header: Header, message: impl FnOnce(Position) -> Message) -> Result<()> {
        if self.state == State::Between {
            return Err(malformed("end of a transaction that did not begin"));
        }
        self.state = State::Between;
        let end = self.payload.take().unwrap_or(header).end;
        self.advance(end);
        if let Some(gtid) = self.gtid.take() {
            self.position.gtids.add(gtid);
        }
        self.out.push_back(message(self.position.clone()));
        Ok(())
    }

    /// Where an event with rows lies.
    fn place(&self, header: Header) -> BinlogPlace {
        let Header { length, end, .. } = self.payload.unwrap_or(header);
        BinlogPlace {
            server: header.server,
            gtid: self.gtid.map(|gtid| gtid.to_string()),
            file: self.position.file.clone(),
            offset: self.beyond(end.wrapping_sub(length)),
            thread: self.thread,
        }
    }

    /// A place in the file after the last transaction. Events tell it without what is above 32 bits.
    fn beyond(&self, place: u32) -> u64 {
        const WRAP: u64 = 1 << 32;
        let offset = self.position.offset;
        let next = offset / WRAP * WRAP + u64::from(place);
        match next < offset {
            // A server may say any number.
            true => next.saturating_add(WRAP),
            false => next,
        }
    }

    /// A session that has set another format writes statements, whatever the server's own format is.
    fn by_statement(&self, word: &str, database: &str) -> Error {
        let of = match database.is_empty() {
            true => String::new(),
            false => format!(" of a session in database '{database}'"),
        };
        let Position { file, offset, .. } = &self.position;
        let text = format!(
            "after {file}:{offset} the log has the statement of a change ({word}){of} in place of its rows: \
             its binlog_format was not ROW"
        );
        Error::new(ErrorKind::Unsupported, text).with_hint(
            "SET GLOBAL binlog_format = 'ROW', reconnect all writers, let none set another one, \
             and begin anew with a backfill",
        )
    }

    /// Moves to a place in the file; whether that is new.
    fn advance(&mut self, end: u32) -> bool {
        if end == 0 {
            return false;
        }
        self.position.offset = self.beyond(end);
        true
    }
}

fn incident(reason: &str) -> Error {
    let text = format!("the server could not write changes into its log: {reason}");
    Error::new(ErrorKind::NotFound, text).with_hint("begin anew with a backfill")
}
