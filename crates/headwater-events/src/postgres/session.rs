//! [`Session`]: one connection, its prepared statements, and statements that are sent in one go.

use std::collections::HashMap;
use std::pin::Pin;
use std::task::Poll;

use tokio::sync::mpsc;
use tokio_postgres::types::ToSql;
use tokio_postgres::{AsyncMessage, Client, Row, Statement};

use super::connect::{Connector, Messages};
use super::failure::bug;
use super::question::Question;
use crate::error::{Error, ErrorKind, Result};

/// Notifications that wait to be looked at; each says the same as the one before or more.
const NOTIFICATIONS_MAX: usize = 1024;
/// Statements that are kept prepared; queries have few shapes.
const STATEMENTS_MAX: usize = 256;
/// The oldest version with the functions that tell what has become of a transaction.
const SERVER_MIN: u32 = 130_000;

/// What every session is set to: what is acknowledged must be on disk.
const SETTINGS: &str = "
    SET client_min_messages TO warning;
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') = 'off'";

/// What sessions for statements of our own are set to. A lock that is held for so long is held by somebody who is in
/// trouble, and so is a transaction that does nothing. All that is asked can be looked up in an index, and must be, though
/// the statistics may be of a table that was empty then.
const SETTINGS_OWN: &str = "
    SET lock_timeout TO '10s';
    SET idle_in_transaction_session_timeout TO '10s';
    SET enable_seqscan TO off;
    SET enable_hashjoin TO off;
    SET jit TO off";

pub(super) type Parameters<'a> = Vec<&'a (dyn ToSql + Sync)>;
/// What a statement will have said.
pub(super) type Reply<'a> =
    Pin<Box<dyn Future<Output = Result<Vec<Row>, tokio_postgres::Error>> + Send + 'a>>;

/// One connection.
pub(super) struct Session {
    client: Client,
    statements: HashMap<String, Statement>,
}

impl Session {
    /// Opens one for statements of our own; must be called on the reactor.
    pub(super) async fn open(connector: &Connector) -> Result<Self> {
        let (session, _) = Self::listening(connector).await?;
        Ok(session)
    }

    /// Opens one for statements of our own, whose notifications are of interest: their payloads.
    pub(super) async fn listening(connector: &Connector) -> Result<(Self, mpsc::Receiver<String>)> {
        let opened = Self::plain(connector).await?;
        opened.0.client.batch_execute(SETTINGS_OWN).await?;
        Ok(opened)
    }

    /// Opens one for statements of other people, and gives the payloads of its notifications.
    pub(super) async fn plain(connector: &Connector) -> Result<(Self, mpsc::Receiver<String>)> {
        let (client, messages) = connector.connect().await?;
        let (sender, receiver) = mpsc::channel(NOTIFICATIONS_MAX);
        tokio::spawn(drive(messages, sender));
        client.batch_execute(SETTINGS).await?;
        let version = "SELECT current_setting('server_version_num')";
        let version = client.query_typed_one(version, &[]).await?;
        let version: &str = version.try_get(0)?;
        if version.parse::<u32>().is_ok_and(|v| v < SERVER_MIN) {
            let message = format!("PostgreSQL {version} is too old");
            return Err(Error::new(ErrorKind::Unsupported, message)
                .with_hint("13 is the oldest that will do"));
        }
        let statements = HashMap::new();
        Ok((Self { client, statements }, receiver))
    }

    pub(super) fn client(&self) -> &Client {
        &self.client
    }

    pub(super) fn client_mut(&mut self) -> &mut Client {
        &mut self.client
    }

    /// Prepares statements that are not yet, so that all of these can be sent.
    pub(super) async fn prepare(&mut self, texts: &[&str]) -> Result<()> {
        let is_new = |text: &&&str| !self.statements.contains_key(**text);
        let new = texts.iter().filter(is_new).count();
        if new > 0 && self.statements.len() + new > STATEMENTS_MAX {
            self.statements.clear();
        }
        for text in texts {
            if !self.statements.contains_key(*text) {
                let statement = self.client.prepare(text).await?;
                self.statements.insert((*text).to_owned(), statement);
            }
        }
        Ok(())
    }

    /// A statement that was [prepared](Self::prepare); it is sent when the reply is first polled.
    pub(super) fn send<'a>(&'a self, text: &str, parameters: Parameters<'a>) -> Result<Reply<'a>> {
        let statement = self.statements.get(text);
        let statement = statement.ok_or_else(|| bug("statement was not prepared"))?;
        Ok(Box::pin(async move {
            self.client.query(statement, &parameters).await
        }))
    }

    /// A [question](Question), which was prepared unless it is planned anew.
    pub(super) fn ask<'a>(&'a self, question: &'a Question) -> Result<Reply<'a>> {
        match question.plan_anew {
            false => self.send(&question.text, question.parameters()),
            true => Ok(Box::pin(async move {
                self.client
                    .query_typed(&question.text, &question.typed())
                    .await
            })),
        }
    }

    /// Statements without parameters and rows.
    pub(super) fn command<'a>(&'a self, text: &'a str) -> Reply<'a> {
        Box::pin(async move {
            self.client.batch_execute(text).await?;
            Ok(Vec::new())
        })
    }

    /// Prepares a statement if need be, and runs it.
    pub(super) async fn query(
        &mut self,
        text: &str,
        parameters: Parameters<'_>,
    ) -> Result<Vec<Row>> {
        self.prepare(&[text]).await?;
        Ok(self.send(text, parameters)?.await?)
    }
}

impl std::fmt::Debug for Session {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let statements = self.statements.len();
        f.debug_struct("Session")
            .field("statements", &statements)
            .finish_non_exhaustive()
    }
}

/// Sends statements in one go, in their order, and waits for all replies.
pub(super) async fn flight(
    mut replies: Vec<Reply<'_>>,
) -> Vec<Result<Vec<Row>, tokio_postgres::Error>> {
    let mut said: Vec<Option<_>> = replies.iter().map(|_| None).collect();
    // A statement is sent when its reply is first polled, so the first round sends them in order.
    std::future::poll_fn(|context| {
        for (reply, said) in replies.iter_mut().zip(&mut said) {
            if said.is_none()
                && let Poll::Ready(rows) = reply.as_mut().poll(context)
            {
                *said = Some(rows);
            }
        }
        match said.iter().all(Option::is_some) {
            true => Poll::Ready(()),
            false => Poll::Pending,
        }
    })
    .await;
    said.into_iter().flatten().collect()
}

/// Looks after a connection as long as it lives.
async fn drive(mut messages: Messages, notifications: mpsc::Sender<String>) {
    loop {
        match std::future::poll_fn(&mut *messages).await {
            Some(Ok(AsyncMessage::Notification(told))) => {
                // What there is no room for is said again by the next one, or found by polling.
                drop(notifications.try_send(told.payload().to_owned()));
            }
            Some(Ok(_)) => {}
            Some(Err(error)) => {
                tracing::debug!(%error, "connection to PostgreSQL ended");
                return;
            }
            None => return,
        }
    }
}
