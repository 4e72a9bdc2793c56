//! How far a table was read: up to which key.

use std::sync::Arc;

use crate::capture::{Progress, Put, RowPair, Server, Snapshot};
use crate::mysql::Position;

/// MariaDB or MySQL.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct MySql;

impl Server for MySql {
    /// What values of a column look like.
    type Type = String;
    type Progress = Keys;
    type Snapshot = SeenAt;
}

/// A snapshot sees what ends in the log before this.
#[derive(Debug)]
pub(crate) struct SeenAt(pub(super) Position);

impl Snapshot for SeenAt {
    /// Where a transaction ends.
    type Mark = Arc<Position>;

    fn sees(&self, end: &Arc<Position>) -> bool {
        self.0.reaches(end)
    }
}

/// The rows that were read, in the order of the key.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct Keys {
    /// The key of the last row that was read, as it stands in statements; `None`: none was.
    after: Option<Vec<String>>,
    /// How many rows were read.
    rows: u64,
    /// How many there were about.
    size: u64,
    /// Whether that is all.
    whole: bool,
}

/// Rows after a key.
#[derive(Debug)]
pub(crate) struct Range {
    pub(super) after: Option<Vec<String>>,
    pub(super) most: u32,
}

/// What was found.
#[derive(Debug)]
pub(crate) struct Found {
    pub(super) rows: Vec<RowPair>,
    /// The last key if there may be more.
    pub(super) last: Option<Vec<String>>,
    /// How many rows the table has, about.
    pub(super) size: u64,
}

impl Progress for Keys {
    type Range = Range;
    type Found = Found;
    /// Whether a reading is out: where the next one begins is known when it is back.
    type Handed = bool;

    fn next(&self, is_out: &mut bool, most: u32) -> Option<Range> {
        let begins = !self.whole && !std::mem::replace(is_out, true);
        begins.then(|| Range {
            after: self.after.clone(),
            most,
        })
    }

    fn put(&mut self, range: Range, found: Found, is_out: &mut bool) -> Put {
        if range.after != self.after || self.whole {
            return Put::Stale;
        }
        *is_out = false;
        self.rows += found.rows.len() as u64;
        self.whole = found.last.is_none();
        self.size = match self.whole {
            true => self.rows,
            false => found.size.max(self.rows + 1),
        };
        self.after = found.last;
        Put::Rows(found.rows)
    }

    fn is_whole(&self) -> bool {
        self.whole
    }

    fn amount(&self) -> (u64, u64) {
        (self.rows, self.size)
    }
}
