//! [`PostgresView`]: tables and the position up to which they were made, in one transaction.

use std::sync::Arc;

use tokio_postgres::{IsolationLevel, Transaction};

use super::live;
use super::tables::Tables;
use super::unanswered::Unanswered;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::postgres::append::owner_name;
use crate::postgres::database::Pause;
use crate::postgres::options::quoted;
use crate::postgres::session::Session;
use crate::postgres::store::Postgres;
use crate::projection::{Batch, ProjectionId, View, decode, encode};
use crate::task::Task;

/// A view that is tables of PostgreSQL. The events may come from any store.
#[derive(Debug)]
pub struct PostgresView<T> {
    pub(super) postgres: Postgres,
    pub(super) id: ProjectionId,
    tables: T,
    session: Option<Session>,
    /// The position that it has stored; `None`: it is to be looked up.
    stored: Option<Position>,
    /// The last transaction, if it is not known what became of it.
    unanswered: Option<Unanswered>,
    /// Whether readers see this version.
    is_published: bool,
}

impl Postgres {
    /// The view of a projection, in tables of this database.
    ///
    /// # Errors
    /// `Invalid` if the name of the projection cannot be that of a schema.
    pub fn view<T: Tables>(&self, id: ProjectionId, tables: T) -> Result<PostgresView<T>> {
        live::check_name(&id, &self.database.options.schema)?;
        Ok(PostgresView {
            postgres: self.clone(),
            id,
            tables,
            session: None,
            stored: None,
            unanswered: None,
            is_published: false,
        })
    }
}

impl<T: Tables> PostgresView<T> {
    /// What makes the tables of events.
    pub fn tables(&self) -> &T {
        &self.tables
    }

    /// A session, which comes back only if all goes well with it.
    async fn take_session(&mut self) -> Result<Session> {
        match self.session.take() {
            Some(session) if !session.client().is_closed() => Ok(session),
            _ => open(&self.postgres).await,
        }
    }

    async fn look_up(&mut self) -> Result<Position> {
        self.settle().await?;
        if let Some(stored) = self.stored {
            return Ok(stored);
        }
        let mut session = self.take_session().await?;
        live::make(
            &mut session,
            &self.postgres.database.sql,
            &self.id,
            &self.tables.create(),
        )
        .await?;
        let transaction = session.client_mut().transaction().await?;
        let (stored, _) = position(&transaction, &self.postgres, &self.id).await?;
        transaction.rollback().await?;
        self.session = Some(session);
        self.stored = Some(stored);
        Ok(stored)
    }

    /// Finds out what became of the last transaction; gives it if it was committed after all.
    async fn settle(&mut self) -> Result<Option<Unanswered>> {
        let Some(unanswered) = self.unanswered.take() else {
            return Ok(None);
        };
        let asked = async {
            let mut session = self.take_session().await?;
            let sql = &self.postgres.database.sql;
            let owner = self.id.owner();
            let committed = unanswered.is_committed(&mut session, sql, &owner).await?;
            self.session = Some(session);
            Ok(committed)
        };
        match asked.await {
            Ok(true) => {
                self.stored = Some(unanswered.next);
                Ok(Some(unanswered))
            }
            Ok(false) => Ok(None),
            Err(error) => {
                self.unanswered = Some(unanswered);
                Err(error)
            }
        }
    }

    async fn run(&mut self, batch: &Batch) -> Result<()> {
        if let Some(unanswered) = self.settle().await? {
            let rest = unanswered.rest(batch);
            return match rest.events.is_empty() && rest.next == unanswered.next {
                true => Ok(()),
                false => self.transact(&rest).await,
            };
        }
        self.transact(batch).await
    }

    async fn transact(&mut self, batch: &Batch) -> Result<()> {
        let known = self.look_up().await?;
        let mut session = self.take_session().await?;
        if batch.live_from < Position(u64::MAX) && !self.is_published {
            self.publish_with(&mut session).await?;
        }
        let builder = session.client_mut().build_transaction();
        let builder = builder.isolation_level(IsolationLevel::ReadCommitted);
        let transaction = builder.start().await?;
        let (stored, number) = position(&transaction, &self.postgres, &self.id).await?;
        if stored != known {
            self.stored = None;
            let message = format!("projection \"{}\" is run by another process", self.id);
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let path = quoted(&self.id.to_string());
        transaction
            .batch_execute(&format!("SET LOCAL search_path TO {path}, public"))
            .await?;
        let applied = self.tables.apply(&transaction, batch).await;
        if let Err(error) = applied {
            transaction.rollback().await?;
            self.session = Some(session);
            return Err(error);
        }
        let sql = &self.postgres.database.sql.set_position;
        let (owner, value) = (self.id.owner(), encode(batch.next));
        transaction.execute(sql, &[&owner, &&value[..]]).await?;
        if let Err(error) = transaction.commit().await {
            self.unanswered = Some(Unanswered::new(number, batch));
            return self.resolve(error.into()).await;
        }
        self.session = Some(session);
        self.stored = Some(batch.next);
        Ok(())
    }

    /// Whatever hinders it says nothing of the events.
    async fn publish_with(&mut self, session: &mut Session) -> Result<()> {
        let published = live::publish(session, &self.postgres.database.sql, &self.id).await;
        published.map_err(|error| {
            let message = format!("projection \"{}\" cannot be shown to readers", self.id);
            Error::new(ErrorKind::Unavailable, message).with_source(error)
        })?;
        self.is_published = true;
        Ok(())
    }

    /// The answer after a commit was not answered.
    async fn resolve(&mut self, error: Error) -> Result<()> {
        tracing::warn!(projection = %self.id, %error, "PostgreSQL was lost while it committed");
        match self.settle().await? {
            Some(_) => Ok(()),
            None => Err(error),
        }
    }
}

impl<T: Tables> View for PostgresView<T> {
    fn position(&mut self) -> Task<'_, Position> {
        Box::pin(self.look_up())
    }

    fn apply<'a>(&'a mut self, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(self.run(batch))
    }
}

/// A session for statements of other people.
pub(in crate::postgres) async fn open(postgres: &Postgres) -> Result<Session> {
    let database = Arc::clone(&postgres.database);
    let opening = async move {
        let mut pause = Pause::new(database.options.patience);
        loop {
            match Session::plain(database.sessions.connector()).await {
                Ok((session, _)) => return Ok(session),
                Err(error) => pause.after(error).await?,
            }
        }
    };
    postgres.reactor.run(opening).await
}

/// Has the view to itself until the end of the transaction; gives its position and the number of the transaction.
async fn position(
    transaction: &Transaction<'_>,
    postgres: &Postgres,
    id: &ProjectionId,
) -> Result<(Position, String)> {
    let (sql, owner) = (&postgres.database.sql, id.owner());
    let names = vec![owner_name(&owner)];
    transaction.query(&sql.names_wait, &[&names]).await?;
    let row = transaction.query_one(&sql.position, &[&owner]).await?;
    let value: Option<Vec<u8>> = row.try_get(0)?;
    let position = value.map_or(Ok(Position(0)), |value| decode(&owner, &value.into()))?;
    Ok((position, row.try_get(1)?))
}
