//! Rows that are published go away.
//!
//! What a question sees lies in the server's log before a place that is asked for after it. When the stream has reached that
//! place, all that was seen is published: nobody remembers which rows those are, so that a kill leaves none behind.

use std::time::{Duration, Instant};

use headwater_log::Result;

use crate::postgres::{Lsn, Session, TableName, identifier, literal};

/// How often rows are looked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// Rows that are deleted at once.
const ROWS_MAX: usize = 5_000;

/// A table whose published rows go.
pub(super) trait Prunable {
    /// A place in the server's log.
    type Place;

    /// What tells some of its rows, as it stands in a statement.
    fn some(&mut self, most: usize) -> Result<Vec<String>>;

    /// A place that everything that was seen lies before, and that the stream will reach.
    fn place(&mut self) -> Result<Self::Place>;

    /// Deletes these rows.
    fn delete(&mut self, rows: &[String]) -> Result<()>;
}

/// Deletes the rows of a table.
pub(super) struct Pruning<P> {
    /// Rows that may go when the stream has reached this.
    seen: Option<(P, Vec<String>)>,
    looked: Option<Instant>,
}

impl<P> Pruning<P> {
    pub(super) fn new() -> Self {
        Self {
            seen: None,
            looked: None,
        }
    }

    /// Whether rows may go when the stream is somewhere.
    pub(super) fn is_waiting(&self) -> bool {
        self.seen.is_some()
    }

    /// Does what is to be done now; `is_durable` says of a place whether everything before it is. With `at_once` rows are looked for now.
    pub(super) fn step(
        &mut self,
        table: &mut impl Prunable<Place = P>,
        is_durable: impl Fn(&P) -> bool,
        at_once: bool,
    ) -> Result<()> {
        if let Some((place, rows)) = &self.seen {
            if !is_durable(place) {
                return Ok(());
            }
            table.delete(rows)?;
            self.looked = (rows.len() < ROWS_MAX).then(Instant::now);
            self.seen = None;
        }
        if !at_once && self.looked.is_some_and(|at| at.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let rows = table.some(ROWS_MAX)?;
        if !rows.is_empty() {
            self.seen = Some((table.place()?, rows));
        }
        Ok(())
    }
}

/// A table of PostgreSQL.
pub(super) struct Published<'a> {
    pub(super) session: &'a mut Session,
    pub(super) name: &'a TableName,
    /// The column that tells its rows.
    pub(super) id: &'a str,
}

impl Prunable for Published<'_> {
    type Place = Lsn;

    fn some(&mut self, most: usize) -> Result<Vec<String>> {
        let (id, table) = (identifier(self.id), self.name.quoted());
        let found = self
            .session
            .query(&format!("SELECT {id} FROM {table} LIMIT {most}"))?;
        let ids = found.into_iter().flatten().flatten();
        Ok(ids.map(|id| literal(&id)).collect())
    }

    fn place(&mut self) -> Result<Lsn> {
        let sql = "SELECT pg_logical_emit_message(true, 'headwater', '')";
        self.session.value(sql)?.unwrap_or_default().parse()
    }

    fn delete(&mut self, rows: &[String]) -> Result<()> {
        let (id, table) = (identifier(self.id), self.name.quoted());
        let sql = format!("DELETE FROM {table} WHERE {id} IN ({})", rows.join(", "));
        self.session.query(&sql).map(drop)
    }
}
