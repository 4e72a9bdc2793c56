//! [`Database`]: what all parts of a store share, and asking it patiently.

use std::time::Duration;

use tokio::time::Instant;

use super::connect::Connector;
use super::migrate::migrate;
use super::options::PostgresOptions;
use super::session::Session;
use super::sessions::Sessions;
use super::sql::Sql;
use crate::error::{Error, ErrorKind, Result};

/// How long it is waited before something is tried again, at first and at most.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_MAX: Duration = Duration::from_millis(500);

/// What all parts of a store share.
#[derive(Debug)]
pub(super) struct Database {
    pub(super) options: PostgresOptions,
    pub(super) sql: Sql,
    pub(super) sessions: Sessions,
}

/// Something that can be asked again if the connection was lost meanwhile.
pub(super) trait Ask {
    /// What is answered.
    type Answer;

    /// Asks once.
    fn ask(
        &self,
        session: &mut Session,
        sql: &Sql,
    ) -> impl Future<Output = Result<Self::Answer>> + Send;
}

/// How long it is waited before something is tried again: longer each time, until patience ends.
#[derive(Debug)]
pub(super) struct Pause {
    next: Duration,
    deadline: Instant,
}

impl Database {
    /// Connects, and brings the schema to today's version; must be called on the reactor.
    pub(super) async fn open(connector: Connector, options: PostgresOptions) -> Result<Self> {
        options.check()?;
        let mut pause = Pause::new(options.patience);
        let sessions = Sessions::new(connector, options.connections);
        loop {
            let opened = async {
                let mut lent = sessions.lend().await?;
                migrate(&mut lent.session, &options.schema).await?;
                lent.keep();
                Ok(())
            };
            match opened.await {
                Ok(()) => break,
                Err(error) => pause.after(error).await?,
            }
        }
        Ok(Self {
            sql: Sql::new(&options.schema),
            options,
            sessions,
        })
    }

    /// Asks until there is an answer or patience ends; must be called on the reactor.
    pub(super) async fn ask<A: Ask>(&self, what: A) -> Result<A::Answer> {
        let asking = async {
            let mut pause = Pause::new(self.options.patience);
            loop {
                match self.ask_once(&what).await {
                    Ok(answer) => return Ok(answer),
                    Err(error) => pause.after(error).await?,
                }
            }
        };
        let answered = tokio::time::timeout(2 * self.options.patience, asking).await;
        answered.unwrap_or_else(|_| Err(silent()))
    }

    async fn ask_once<A: Ask>(&self, what: &A) -> Result<A::Answer> {
        let mut lent = self.sessions.lend().await?;
        let answer = what.ask(&mut lent.session, &self.sql).await?;
        lent.keep();
        Ok(answer)
    }
}

/// The server is there and does not answer.
pub(super) fn silent() -> Error {
    Error::new(ErrorKind::Unavailable, "PostgreSQL does not answer")
}

impl Pause {
    pub(super) fn new(patience: Duration) -> Self {
        Self {
            next: PAUSE,
            deadline: Instant::now() + patience,
        }
    }

    /// Waits before something that failed is tried again.
    ///
    /// # Errors
    /// What it failed with, if it is of no use to try again, or it was tried long enough.
    pub(super) async fn after(&mut self, error: Error) -> Result<()> {
        let now = Instant::now();
        if error.kind() != ErrorKind::Unavailable || now >= self.deadline {
            return Err(error);
        }
        tracing::debug!(%error, "PostgreSQL is tried again");
        tokio::time::sleep_until((now + self.next).min(self.deadline)).await;
        self.next = (2 * self.next).min(PAUSE_MAX);
        Ok(())
    }

    /// Waits without an end of patience.
    pub(super) async fn pass(&mut self) {
        tokio::time::sleep(self.next).await;
        self.next = (2 * self.next).min(PAUSE_MAX);
    }
}
