//! [`Funnel`]: all appends of this process go through one transaction after the other, as many as wait at a time.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::runner::Runner;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::postgres::database::{Database, silent};
use crate::postgres::news::News;
use crate::store::{Append, Appended};

/// Appends that wait; whoever comes then waits for room.
const QUEUE_MAX: usize = 4096;
/// How long an append is put aside that needs what another transaction has, at first.
const ASIDE: Duration = Duration::from_millis(2);

/// Where appends go in.
#[derive(Debug)]
pub(in crate::postgres) struct Funnel {
    wishes: mpsc::Sender<Wish>,
    patience: Duration,
}

/// What is wished of the funnel.
#[derive(Debug)]
pub(super) struct Wish {
    pub(super) what: What,
    /// When patience ends.
    pub(super) deadline: Instant,
    /// How long it is put aside if it needs what another transaction has.
    pub(super) aside: Duration,
}

#[derive(Debug)]
pub(super) enum What {
    Append(Append, oneshot::Sender<Result<Appended>>),
    /// Gives positions to what waits for them; says where the store ends then.
    Sequence(Option<oneshot::Sender<Result<Position>>>),
}

impl Funnel {
    /// Starts one; must be called on the reactor.
    pub(in crate::postgres) fn start(database: Arc<Database>, news: Arc<News>) -> Self {
        let (wishes, receiver) = mpsc::channel(QUEUE_MAX);
        let patience = database.options.patience;
        let runner = Runner::new(database, news, wishes.downgrade());
        tokio::spawn(runner.run(receiver));
        Self { wishes, patience }
    }

    /// Appends.
    pub(in crate::postgres) async fn append(&self, append: Append) -> Result<Appended> {
        let (answer, answered) = oneshot::channel();
        self.wish(What::Append(append, answer)).await?;
        self.answer(answered).await
    }

    /// Gives positions to all events that came with transactions which are committed; gives the end of the store.
    pub(in crate::postgres) async fn sequence(&self) -> Result<Position> {
        let (answer, answered) = oneshot::channel();
        self.wish(What::Sequence(Some(answer))).await?;
        self.answer(answered).await
    }

    /// As [`sequence`](Self::sequence), without waiting.
    pub(in crate::postgres) fn sequence_soon(&self) {
        // If there is no room there are appends, which do it as well.
        drop(self.wishes.try_send(self.made(What::Sequence(None))));
    }

    fn made(&self, what: What) -> Wish {
        Wish {
            what,
            deadline: Instant::now() + self.patience,
            aside: ASIDE,
        }
    }

    async fn wish(&self, what: What) -> Result<()> {
        self.wishes.send(self.made(what)).await.map_err(|_| ended())
    }

    async fn answer<T>(&self, answered: oneshot::Receiver<Result<T>>) -> Result<T> {
        match tokio::time::timeout(2 * self.patience, answered).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(_)) => Err(ended()),
            Err(_) => Err(unknown(&silent())),
        }
    }
}

fn ended() -> Error {
    Error::new(ErrorKind::Closed, "the store was closed")
}

impl Wish {
    pub(super) fn append(&self) -> Option<&Append> {
        match &self.what {
            What::Append(append, _) => Some(append),
            What::Sequence(_) => None,
        }
    }

    /// Says that it is not fulfilled.
    pub(super) fn refuse(self, error: Error) {
        // Whoever does not wait any more does not want to know.
        match self.what {
            What::Append(_, answer) => drop(answer.send(Err(error))),
            What::Sequence(Some(answer)) => drop(answer.send(Err(error))),
            What::Sequence(None) => {}
        }
    }
}

/// It cannot be said whether an append has happened.
pub(super) fn unknown(why: &Error) -> Error {
    let message = format!("append may or may not have happened: {why}");
    Error::new(ErrorKind::Unavailable, message)
        .with_hint("append again with the same key or event ids: it happens once")
}
