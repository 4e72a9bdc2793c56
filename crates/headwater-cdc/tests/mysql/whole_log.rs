//! What the oracle's server says in its log from the first file on, put together without the capture: which transactions were committed
//! and in which order, what the log makes of a table, and what it lacks.

use std::collections::{BTreeMap, HashMap, HashSet};

use headwater_cdc::mysql::{Message, Position, Replica, Rows, Session, Value as Cell};
use serde_json::{Value, json};

use super::following::{changes, read_to_end};
use super::server::Server;

/// What the log makes of a table.
#[derive(Debug)]
pub(super) struct Table {
    /// What became last of the keys that it tells of; `None`: they are gone.
    rows: BTreeMap<String, Option<Value>>,
    /// Whether there are no rows beside these.
    is_whole: bool,
}

impl Table {
    /// What the log says of a key; `None`: nothing.
    pub(super) fn row(&self, key: &str) -> Option<Option<&Value>> {
        let known = self.rows.get(key).map(Option::as_ref);
        known.or(self.is_whole.then_some(None))
    }

    /// All rows, if the log tells all.
    pub(super) fn rows(&self) -> Option<BTreeMap<String, Value>> {
        let there = self.rows.iter();
        let there = there.filter_map(|(key, row)| Some((key.clone(), row.clone()?)));
        self.is_whole.then(|| there.collect())
    }
}

/// A change of a transaction that has not ended.
#[derive(Debug)]
enum Change {
    /// A row of the ledger is new.
    Ledger(i64),
    /// A row of the table that is emptied is another one.
    Row(String, Option<Value>),
    Truncate(String),
}

/// The log.
#[derive(Debug)]
pub(super) struct WholeLog {
    open: Vec<Change>,
    savepoints: Vec<(String, usize)>,
    prepared: HashMap<String, Vec<Change>>,
    /// Transactions that were committed in a second step although the log never had the first, or has had the second already: the server
    /// fell between its engine and its log.
    pub(super) orphans: usize,
    /// The transactions of the ledger, as they were committed.
    pub(super) ledger: Vec<i64>,
    /// Each `TRUNCATE` of `emptied`, as it was sent.
    pub(super) truncates: HashSet<String>,
    pub(super) emptied: Table,
}

impl WholeLog {
    pub(super) fn read(server: &Server, session: &mut Session) -> Self {
        let first = session.query("SHOW BINARY LOGS").unwrap()[0][0].clone();
        let begin = Position {
            file: first.unwrap(),
            offset: 4,
            ..Position::default()
        };
        let mut replica = Replica::connect(&server.address(), 88, &begin).unwrap();
        let mut log = Self {
            open: Vec::new(),
            savepoints: Vec::new(),
            prepared: HashMap::new(),
            orphans: 0,
            ledger: Vec::new(),
            truncates: HashSet::new(),
            emptied: Table {
                rows: BTreeMap::new(),
                is_whole: true,
            },
        };
        read_to_end(&mut replica, session, |message| log.hear(message)).unwrap();
        log
    }

    fn hear(&mut self, message: Message) {
        match message {
            Message::Begin { .. } => {
                self.open.clear();
                self.savepoints.clear();
            }
            Message::Rows(rows) => self.rows(&rows),
            Message::Statement(statement) if statement.sql.starts_with("TRUNCATE emptied") => {
                self.open.push(Change::Truncate(statement.sql));
            }
            Message::Statement(_) => {}
            Message::Savepoint(name) => self.savepoints.push((name, self.open.len())),
            Message::RollbackTo(name) => {
                let last = self.savepoints.iter().rfind(|(known, _)| *known == name);
                self.open.truncate(last.unwrap().1);
            }
            Message::Commit { .. } => self.commit_open(),
            Message::Rollback { .. } => self.open.clear(),
            Message::Prepare { xid, .. } => {
                let open = std::mem::take(&mut self.open);
                self.prepared.insert(xid, open);
            }
            Message::CommitPrepared { xid, .. } => match self.prepared.remove(&xid) {
                Some(prepared) => self.commit(prepared),
                None => {
                    self.orphans += 1;
                    self.emptied.rows.clear();
                    self.emptied.is_whole = false;
                }
            },
            Message::RollbackPrepared { xid, .. } => drop(self.prepared.remove(&xid)),
        }
    }

    fn rows(&mut self, rows: &Rows) {
        let number = |row: &[Cell], at: usize| match row[at] {
            Cell::Int(number) => number,
            ref other => panic!("{other:?}"),
        };
        let key = |row: &[Cell]| format!("{{\"id\":{}}}", number(row, 0));
        match rows.table.name.as_str() {
            "ledger" => {
                for change in changes(rows) {
                    let id = number(&change.after.unwrap(), 0);
                    self.open.push(Change::Ledger(id));
                }
            }
            "emptied" => {
                for change in changes(rows) {
                    let before = change.before.map(|row| Change::Row(key(&row), None));
                    let after = change.after.map(|row| {
                        let value = json!({"id": number(&row, 0), "n": number(&row, 1)});
                        Change::Row(key(&row), Some(value))
                    });
                    self.open.extend(before.into_iter().chain(after));
                }
            }
            _ => {}
        }
    }

    fn commit_open(&mut self) {
        let open = std::mem::take(&mut self.open);
        self.commit(open);
    }

    fn commit(&mut self, changes: Vec<Change>) {
        let begun = self.ledger.len();
        for change in changes {
            match change {
                Change::Ledger(id) if self.ledger[begun..].contains(&id) => {}
                Change::Ledger(id) => self.ledger.push(id),
                Change::Row(key, row) => drop(self.emptied.rows.insert(key, row)),
                Change::Truncate(sql) => {
                    self.truncates.insert(sql);
                    self.emptied.rows.clear();
                    self.emptied.is_whole = true;
                }
            }
        }
    }
}
