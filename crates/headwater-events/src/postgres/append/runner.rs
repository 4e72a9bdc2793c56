//! [`Runner`]: the other end of the funnel, which takes what waits, has it decided and written, and answers.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::time::Instant;

use super::batch::take;
use super::decide::Verdict;
use super::fate::is_committed;
use super::funnel::{What, Wish, unknown};
use super::look_up::PLANS_ONCE;
use super::turn::{Failed, Trace, Turned, turn};
use super::versions::Versions;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::postgres::database::{Database, Pause};
use crate::postgres::news::News;
use crate::postgres::session::Session;
use crate::store::{Append, Appended};

/// Wishes that are received at a time.
const RECEIVED_MAX: usize = 1024;
/// The longest that an append is put aside before it is tried again.
const ASIDE_MAX: Duration = Duration::from_millis(100);

/// The other end of the funnel.
#[derive(Debug)]
pub(super) struct Runner {
    database: Arc<Database>,
    news: Arc<News>,
    session: Option<Session>,
    /// Where what was put aside comes back in.
    back: mpsc::WeakSender<Wish>,
}

/// What became of some wishes.
enum Outcome {
    Done(Turned),
    /// None of them was fulfilled.
    Undone(Error),
    /// Patience has ended before it was known.
    Unknown(Error),
}

impl Runner {
    pub(super) fn new(
        database: Arc<Database>,
        news: Arc<News>,
        back: mpsc::WeakSender<Wish>,
    ) -> Self {
        Self {
            database,
            news,
            session: None,
            back,
        }
    }

    /// Runs until nobody can wish any more.
    pub(super) async fn run(mut self, mut wishes: mpsc::Receiver<Wish>) {
        let mut waiting = VecDeque::new();
        let mut received = Vec::new();
        loop {
            if waiting.is_empty() && wishes.recv_many(&mut received, RECEIVED_MAX).await == 0 {
                return;
            }
            while waiting.len() + received.len() < RECEIVED_MAX
                && let Ok(wish) = wishes.try_recv()
            {
                received.push(wish);
            }
            waiting.extend(received.drain(..));
            let batch = take(&mut waiting);
            self.fulfil(batch).await;
        }
    }

    /// Tries until each wish has its answer.
    async fn fulfil(&mut self, mut batch: Vec<Wish>) {
        let mut pause = Pause::new(self.database.options.patience);
        while !batch.is_empty() {
            match self.attempt(&batch).await {
                Outcome::Done(turned) => return self.answer(batch, turned).await,
                Outcome::Undone(error) if error.kind() == ErrorKind::Unavailable => {
                    refuse_impatient(&mut batch, &error);
                    pause.pass().await;
                }
                Outcome::Undone(error) if batch.len() == 1 => refuse(batch.drain(..), &error),
                // It is said of one of them; the others do not suffer for it.
                Outcome::Undone(_) => {
                    for wish in batch.drain(..) {
                        Box::pin(self.fulfil(vec![wish])).await;
                    }
                }
                Outcome::Unknown(error) => refuse(batch.drain(..), &unknown(&error)),
            }
        }
    }

    async fn attempt(&mut self, batch: &[Wish]) -> Outcome {
        let appends: Vec<&Append> = batch.iter().filter_map(Wish::append).collect();
        match self.turn(&appends).await {
            Ok(turned) => Outcome::Done(turned),
            Err(Failed::Undone(error)) => Outcome::Undone(error),
            Err(Failed::Unknown(trace, turned, error)) => {
                tracing::warn!(%error, "PostgreSQL was lost while it committed");
                match self.resolve(&trace).await {
                    Ok(true) => Outcome::Done(turned),
                    Ok(false) => Outcome::Undone(error),
                    Err(error) => Outcome::Unknown(error),
                }
            }
        }
    }

    async fn turn(&mut self, appends: &[&Append]) -> Result<Turned, Failed> {
        let mut session = self.take_session().await?;
        let turned = turn(&mut session, &self.database.sql, appends).await?;
        self.session = Some(session);
        Ok(turned)
    }

    /// The session, which comes back only from a transaction that has gone well.
    async fn take_session(&mut self) -> Result<Session> {
        match self.session.take() {
            Some(session) if !session.client().is_closed() => Ok(session),
            _ => {
                let session = Session::open(self.database.sessions.connector()).await?;
                session.command(PLANS_ONCE).await?;
                Ok(session)
            }
        }
    }

    /// Whether a transaction was committed; asks until it is known or patience ends.
    async fn resolve(&mut self, trace: &Trace) -> Result<bool> {
        let mut pause = Pause::new(self.database.options.patience);
        loop {
            match self.try_resolve(trace).await {
                Ok(committed) => return Ok(committed),
                Err(error) => pause.after(error).await?,
            }
        }
    }

    async fn try_resolve(&mut self, trace: &Trace) -> Result<bool> {
        let mut session = self.take_session().await?;
        let committed = is_committed(&mut session, &self.database.sql, trace).await?;
        self.session = Some(session);
        Ok(committed)
    }

    async fn answer(&mut self, batch: Vec<Wish>, turned: Turned) {
        self.news.publish(turned.end);
        let mut verdicts = turned.verdicts.into_iter();
        for mut wish in batch {
            let (append, answer) = match wish.what {
                What::Append(append, answer) => (append, answer),
                What::Sequence(answer) => {
                    if let Some(answer) = answer {
                        drop(answer.send(Ok(turned.end)));
                    }
                    continue;
                }
            };
            let said = match verdicts.next() {
                Some(Verdict::Stored(appended)) => Ok(appended),
                Some(Verdict::Refused(error)) => Err(error),
                Some(Verdict::Repeated(position)) => self.repeated(&append, position).await,
                Some(Verdict::Busy) | None => {
                    wish.what = What::Append(append, answer);
                    self.put_aside(wish);
                    continue;
                }
            };
            drop(answer.send(said));
        }
    }

    /// The answer to an append that has happened before.
    async fn repeated(&self, append: &Append, position: Option<Position>) -> Result<Appended> {
        self.database.ask(Versions { append, position }).await
    }

    /// Tries an append again a little later: it needs what another transaction has.
    fn put_aside(&self, mut wish: Wish) {
        let now = Instant::now();
        let Some(back) = self.back.upgrade().filter(|_| now < wish.deadline) else {
            let message =
                "a stream, id or owner is written in another transaction, which does not end";
            return wish.refuse(Error::new(ErrorKind::Unavailable, message));
        };
        let until = (now + wish.aside).min(wish.deadline);
        wish.aside = (2 * wish.aside).min(ASIDE_MAX);
        let back = back.downgrade();
        tokio::spawn(async move {
            tokio::time::sleep_until(until).await;
            if let Some(back) = back.upgrade() {
                // If nobody is there any more, its answer goes with it.
                drop(back.send(wish).await);
            }
        });
    }
}

/// Gives up on those whose patience has ended.
fn refuse_impatient(batch: &mut Vec<Wish>, error: &Error) {
    let now = Instant::now();
    refuse(batch.extract_if(.., |wish| wish.deadline <= now), error);
}

fn refuse(wishes: impl IntoIterator<Item = Wish>, error: &Error) {
    for wish in wishes {
        let mut same = Error::new(error.kind(), error.to_string());
        if let Some(hint) = error.hint() {
            same = same.with_hint(hint);
        }
        wish.refuse(same);
    }
}
