//! Transactions of the binary log that have not ended: their events count when they are committed.

use std::collections::HashMap;

use headwater_log::{Error, ErrorKind, Result, Timestamp};

use crate::mysql::Position;
use crate::outbox::field::Row;

/// A transaction.
#[derive(Debug, Clone, Default)]
pub(super) struct Open {
    rows: Vec<Row>,
    savepoints: Vec<(String, usize)>,
    /// Where it begins.
    start: Position,
    time: i64,
}

/// What happens now.
#[derive(Debug)]
pub(super) struct Committed {
    pub(super) rows: Vec<Row>,
    pub(super) time: Timestamp,
}

/// The one that is under way, and those that are prepared (XA).
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: Open,
    prepared: HashMap<String, Open>,
}

impl Transactions {
    /// One begins behind this place, at this second.
    pub(super) fn begin(&mut self, start: Position, time: u32) {
        self.open = Open {
            start,
            time: i64::from(time) * 1000,
            ..Open::default()
        };
    }

    pub(super) fn push(&mut self, row: Row) {
        self.open.rows.push(row);
    }

    pub(super) fn savepoint(&mut self, name: String) {
        let rows = self.open.rows.len();
        self.open.savepoints.push((name, rows));
    }

    /// What came after a savepoint has not happened.
    ///
    /// # Errors
    /// `Corrupt` if there is none of that name.
    pub(super) fn roll_back_to(&mut self, name: &str) -> Result<()> {
        let found = self.open.savepoints.iter().rposition(|(n, _)| n == name);
        let Some(at) = found else {
            let text =
                format!("the binary log goes back to savepoint '{name}', which it never had");
            return Err(Error::new(ErrorKind::Corrupt, text));
        };
        self.open.rows.truncate(self.open.savepoints[at].1);
        self.open.savepoints.truncate(at + 1);
        Ok(())
    }

    /// Its events, which happen now.
    pub(super) fn commit(&mut self) -> Committed {
        let open = std::mem::take(&mut self.open);
        Committed {
            rows: open.rows,
            time: Timestamp(open.time),
        }
    }

    /// None of it has happened.
    pub(super) fn roll_back(&mut self) {
        self.open = Open::default();
    }

    /// It happens when [`Transactions::commit_prepared`] says so.
    pub(super) fn prepare(&mut self, xid: String) {
        let open = std::mem::take(&mut self.open);
        self.prepared.insert(xid, open);
    }

    /// The events of one that was prepared, which happen now; `None`: it is not known.
    pub(super) fn commit_prepared(&mut self, xid: &str) -> Option<Committed> {
        let time = Timestamp(self.open.time);
        let rows = self.prepared.remove(xid)?.rows;
        Some(Committed { rows, time })
    }

    pub(super) fn roll_back_prepared(&mut self, xid: &str) {
        self.prepared.remove(xid);
    }

    /// Where the log must be read again from, if that is before its present place.
    pub(super) fn oldest(&self) -> Option<&Position> {
        let starts = self.prepared.values().map(|open| &open.start);
        starts.reduce(|a, b| if a.reaches(b) { b } else { a })
    }
}
