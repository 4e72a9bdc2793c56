//! Rows that are published go away.
//!
//! What a question sees lies in the server's log before a message that is written after it. When the stream has reached the
//! message, all that was seen is published: nobody remembers which rows those are, so that a kill leaves none behind.

use std::time::{Duration, Instant};

use headwater_log::Result;

use super::router::Router;
use crate::postgres::{Lsn, Session, TableName, identifier, literal};

/// How often rows are looked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// Rows that are deleted at once.
const ROWS_MAX: usize = 5_000;

/// Deletes the rows of a table.
pub(super) struct Pruning {
    table: TableName,
    id: String,
    /// Rows that may go when the stream has reached this.
    seen: Option<(Lsn, Vec<String>)>,
    looked: Option<Instant>,
}

impl Pruning {
    pub(super) fn new(table: &TableName, router: &Router) -> Self {
        Self {
            table: table.clone(),
            id: router.id.clone(),
            seen: None,
            looked: None,
        }
    }

    /// Whether rows may go when the stream is somewhere.
    pub(super) fn is_waiting(&self) -> bool {
        self.seen.is_some()
    }

    /// Does what is to be done now; everything before `durable` is durable here. With `at_once` rows are looked for now.
    pub(super) fn step(
        &mut self,
        session: &mut Session,
        durable: Lsn,
        at_once: bool,
    ) -> Result<()> {
        let id = identifier(&self.id);
        let table = self.table.quoted();
        if let Some((place, ids)) = &self.seen {
            if durable < *place {
                return Ok(());
            }
            let ids: Vec<String> = ids.iter().map(|id| literal(id)).collect();
            session.query(&format!(
                "DELETE FROM {table} WHERE {id} IN ({})",
                ids.join(", ")
            ))?;
            self.looked = (ids.len() < ROWS_MAX).then(Instant::now);
            self.seen = None;
        }
        if !at_once && self.looked.is_some_and(|at| at.elapsed() < INTERVAL) {
            return Ok(());
        }
        self.looked = Some(Instant::now());
        let found = session.query(&format!("SELECT {id} FROM {table} LIMIT {ROWS_MAX}"))?;
        let ids: Vec<String> = found.into_iter().flatten().flatten().collect();
        if !ids.is_empty() {
            let place = session.value("SELECT pg_logical_emit_message(true, 'headwater', '')")?;
            self.seen = Some((place.unwrap_or_default().parse()?, ids));
        }
        Ok(())
    }
}
