//! [`News`]: where the store ends, as far as this process has heard; whoever waits for events waits here.
//!
//! Other processes tell with NOTIFY, this one's own funnel at once, and now and then the server is asked, for a notification
//! may be lost with its connection.

use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

use super::append::{Funnel, position};
use super::database::{Database, Pause};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;

/// What is told when events wait for their positions, instead of where the store ends.
pub(super) const PENDING: &str = "pending";

/// Where the store ends, as far as this process has heard.
#[derive(Debug)]
pub(super) struct News(watch::Sender<Heard>);

#[derive(Debug, Clone, Default)]
struct Heard {
    end: Position,
    /// Why nothing is heard any more.
    gone: Option<String>,
}

impl News {
    pub(super) fn new() -> Self {
        Self(watch::Sender::new(Heard::default()))
    }

    /// The store ends there, or later by now.
    pub(super) fn publish(&self, end: Position) {
        self.0.send_if_modified(|heard| {
            let is_new = heard.end < end || heard.gone.is_some();
            heard.end = heard.end.max(end);
            heard.gone = None;
            is_new
        });
    }

    fn lose(&self, error: &Error) {
        self.0
            .send_modify(|heard| heard.gone = Some(error.to_string()));
    }

    /// Waits until there is an event at or after `from`.
    pub(super) async fn wait(&self, from: Position) -> Result<Position> {
        let mut receiver = self.0.subscribe();
        loop {
            let Heard { end, gone } = receiver.borrow_and_update().clone();
            if end > from {
                return Ok(end);
            }
            if let Some(error) = gone {
                let message = format!("news from PostgreSQL: {error}");
                return Err(Error::new(ErrorKind::Unavailable, message));
            }
            let changed = receiver.changed().await;
            changed.map_err(|_| Error::new(ErrorKind::Closed, "the store was closed"))?;
        }
    }
}

/// Listens as long as the funnel is there; must be called on the reactor.
pub(super) async fn listen(
    database: Arc<Database>,
    news: Arc<News>,
    funnel: std::sync::Weak<Funnel>,
) {
    let patience = database.options.patience;
    let (mut pause, mut silent_since) = (Pause::new(patience), None);
    while funnel.strong_count() > 0 {
        let heard = news.0.borrow().end;
        let Err(error) = follow(&database, &news, &funnel).await else {
            return;
        };
        tracing::debug!(%error, "news from PostgreSQL ended");
        if news.0.borrow().end > heard {
            (pause, silent_since) = (Pause::new(patience), None);
        }
        let since = *silent_since.get_or_insert_with(Instant::now);
        if since.elapsed() >= patience || error.kind() != ErrorKind::Unavailable {
            news.lose(&error);
        }
        pause.pass().await;
    }
}

/// Follows the news of one connection, until it is lost; without an error if the funnel is gone.
async fn follow(database: &Database, news: &News, funnel: &std::sync::Weak<Funnel>) -> Result<()> {
    let (mut session, mut told) = Session::listening(database.sessions.connector()).await?;
    let channel = super::options::quoted(&database.sql.channel);
    session.command(&format!("LISTEN {channel}")).await?;
    look(database, &mut session, news, funnel).await?;
    while funnel.strong_count() > 0 {
        match tokio::time::timeout(database.options.poll, told.recv()).await {
            Ok(Some(payload)) => hear(&payload, &mut told, news, funnel),
            Ok(None) => return Err(Error::new(ErrorKind::Unavailable, "connection lost")),
            Err(_) => look(database, &mut session, news, funnel).await?,
        }
    }
    Ok(())
}

/// Takes in what was told, and all that waits behind it.
fn hear(
    first: &str,
    told: &mut mpsc::Receiver<String>,
    news: &News,
    funnel: &std::sync::Weak<Funnel>,
) {
    let (mut end, mut is_pending) = (None, false);
    let mut take = |payload: &str| match payload.parse() {
        Ok(position) => end = end.max(Some(Position(position))),
        Err(_) => is_pending |= payload == PENDING,
    };
    take(first);
    while let Ok(payload) = told.try_recv() {
        take(&payload);
    }
    if let Some(end) = end {
        news.publish(end);
    }
    if is_pending {
        sequence(funnel);
    }
}

/// Asks the server itself.
async fn look(
    database: &Database,
    session: &mut Session,
    news: &News,
    funnel: &std::sync::Weak<Funnel>,
) -> Result<()> {
    let rows = session.query(&database.sql.end, vec![]).await?;
    if let Some(row) = rows.first() {
        news.publish(position(row, 0)?.unwrap_or_default());
        if row.try_get(1)? {
            sequence(funnel);
        }
    }
    Ok(())
}

fn sequence(funnel: &std::sync::Weak<Funnel>) {
    if let Some(funnel) = funnel.upgrade() {
        funnel.sequence_soon();
    }
}
