//! [`Unanswered`]: a transaction of a view whose commit was not answered.

use crate::error::Result;
use crate::event::Position;
use crate::postgres::append::{is_unheard_of, owner_name};
use crate::postgres::session::Session;
use crate::postgres::sql::Sql;
use crate::projection::Batch;

/// A transaction of a view whose commit was not answered.
#[derive(Debug)]
pub(super) struct Unanswered {
    transaction: String,
    /// The first and the last of its events.
    events: Option<(Position, Position)>,
    /// The position that it stored.
    pub(super) next: Position,
}

impl Unanswered {
    pub(super) fn new(transaction: String, batch: &Batch) -> Self {
        let (first, last) = (batch.events.first(), batch.events.last());
        Self {
            transaction,
            events: first
                .zip(last)
                .map(|(first, last)| (first.position, last.position)),
            next: batch.next,
        }
    }

    /// Whether it was committed. It had the name of the owner to itself, so whoever has that now knows that it has ended.
    pub(super) async fn is_committed(
        &self,
        session: &mut Session,
        sql: &Sql,
        owner: &str,
    ) -> Result<bool> {
        let names = vec![owner_name(owner)];
        session.prepare(&[&sql.names_wait, &sql.view_fate]).await?;
        session
            .command("BEGIN ISOLATION LEVEL READ COMMITTED")
            .await?;
        session.send(&sql.names_wait, vec![&names])?.await?;
        let asked = session.send(&sql.view_fate, vec![&self.transaction])?.await;
        session.command("ROLLBACK").await?;
        match asked {
            Ok(rows) => Ok(rows.first().map_or(Ok(false), |row| row.try_get(0))?),
            Err(error) if is_unheard_of(&error) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }

    /// What of a batch it did not have.
    pub(super) fn rest(&self, batch: &Batch) -> Batch {
        let had = |position| {
            let within = |(first, last)| first <= position && position <= last;
            self.events.is_some_and(within)
        };
        let events = batch.events.iter().filter(|event| !had(event.position));
        Batch {
            events: events.cloned().collect(),
            ..batch.clone()
        }
    }
}
