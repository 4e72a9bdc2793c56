//! [`Projector`]: moves a view forward. One turn reads a page of events and applies it; what cannot be applied is looked
//! for one by one and parked.

use super::parked::{self, Parked};
use super::progress::Progress;
use super::swap::{self, Standing};
use super::view::{Batch, ProjectionId, View};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Position, Recorded};
use crate::store::{Filter, Store};

/// Events of a turn.
const BATCH: usize = 4096;
/// How often an event is tried before it is parked.
const ATTEMPTS: u32 = 3;
/// A position that is so far behind is stored although there was no event for the view.
const SKIPPED_MAX: u64 = 100_000;

/// What a turn of a [`Projector`] did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// It went on, and there is more.
    More,
    /// It has seen everything.
    CaughtUp,
    /// Another version has taken its place.
    Retired,
}

/// Moves a view forward, one [`turn`](Self::turn) at a time.
#[derive(Debug)]
pub struct Projector<V> {
    pub(super) store: Store,
    pub(super) id: ProjectionId,
    filter: Filter,
    view: V,
    progress: Progress,
    /// Set by the first turn.
    at: Option<At>,
    batch: usize,
    attempts: u32,
}

/// Where a projector is.
#[derive(Debug, Clone, Copy)]
pub(super) struct At {
    pub(super) next: Position,
    /// The position that the view has stored.
    stored: Position,
    pub(super) standing: Standing,
}

impl<V: View> Projector<V> {
    /// Follows the events that `filter` wants.
    pub fn new(store: Store, id: ProjectionId, filter: Filter, view: V) -> Self {
        Self {
            progress: Progress::new(id.clone()),
            store,
            id,
            filter,
            view,
            at: None,
            batch: BATCH,
            attempts: ATTEMPTS,
        }
    }

    /// At most so many events a turn.
    #[must_use]
    pub fn batch(mut self, events: usize) -> Self {
        self.batch = events.max(1);
        self
    }

    /// How often an event is tried before it is parked.
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    /// How far it is, for others to see and to wait for.
    pub fn progress(&self) -> Progress {
        self.progress.clone()
    }

    /// The view.
    pub fn view(&self) -> &V {
        &self.view
    }

    pub(crate) fn store(&self) -> &Store {
        &self.store
    }

    /// Reads a page of events and applies it.
    ///
    /// # Errors
    /// `Unavailable`: try again; `Conflict`: another process runs this projection; `Corrupt`.
    pub async fn turn(&mut self) -> Result<Turn> {
        self.turn_until(None).await
    }

    /// As [`turn`](Self::turn), but no event at or after `limit` is applied.
    pub(super) async fn turn_until(&mut self, limit: Option<Position>) -> Result<Turn> {
        let turned = self.try_turn(limit).await;
        let error = turned.as_ref().err().map(ToString::to_string);
        self.progress.update(|status| status.error = error);
        turned
    }

    async fn try_turn(&mut self, limit: Option<Position>) -> Result<Turn> {
        let at = self.at().await?;
        if at.standing == Standing::Retired {
            return Ok(Turn::Retired);
        }
        let read = self
            .store
            .read_all(at.next, self.filter.clone(), self.batch);
        let mut page = read.await?;
        if let Some(limit) = limit {
            page.events.retain(|event| event.position < limit);
            page.next = page.next.min(limit);
        }
        let skipped = page.next.0 - at.stored.0;
        let applied = page.events.len() as u64;
        if applied > 0 || skipped >= SKIPPED_MAX {
            self.apply(page.events, page.next).await?;
        }
        self.move_to(page.next, page.end, applied);
        let end = limit.map_or(page.end, |limit| limit.min(page.end));
        Ok(match page.next >= end {
            true => Turn::CaughtUp,
            false => Turn::More,
        })
    }

    fn move_to(&mut self, next: Position, end: Position, applied: u64) {
        if let Some(at) = &mut self.at {
            at.next = next;
        }
        self.progress.update(|status| {
            status.position = next;
            status.end = end;
            status.applied += applied;
        });
    }

    /// Where it is; looked up the first time.
    pub(super) async fn at(&mut self) -> Result<At> {
        if let Some(at) = self.at {
            return Ok(at);
        }
        let stored = self.view.position().await?;
        let standing = swap::standing(&self.store, &self.id).await?;
        self.set_standing(standing);
        let at = At {
            next: stored,
            stored,
            standing,
        };
        self.at = Some(at);
        self.progress.update(|status| status.position = stored);
        Ok(at)
    }

    pub(super) fn set_standing(&mut self, standing: Standing) {
        if let Some(at) = &mut self.at {
            at.standing = standing;
        }
        let live = matches!(standing, Standing::Live(_));
        self.progress.update(|status| status.live = live);
    }

    /// Stores the position, although there may have been no event since it was last stored.
    pub(super) async fn store_position(&mut self) -> Result<()> {
        let next = self.at().await?.next;
        self.apply(Vec::new(), next).await
    }

    async fn apply(&mut self, events: Vec<Recorded>, next: Position) -> Result<()> {
        let batch = self.make_batch(events, next);
        match self.view.apply(&batch).await {
            Err(error) if is_about_events(&error) && !batch.events.is_empty() => {
                self.one_by_one(batch).await?;
            }
            other => other?,
        }
        if let Some(at) = &mut self.at {
            at.stored = next;
        }
        Ok(())
    }

    fn make_batch(&self, events: Vec<Recorded>, next: Position) -> Batch {
        let live_from = match self.at.map(|at| at.standing) {
            Some(Standing::Live(from)) => from,
            _ => Position(u64::MAX),
        };
        Batch {
            events,
            next,
            live_from,
        }
    }

    /// Some event of a batch cannot be applied: finds and parks it.
    async fn one_by_one(&mut self, batch: Batch) -> Result<()> {
        for event in batch.events {
            let next = event.position.next();
            let one = self.make_batch(vec![event], next);
            if let Err(error) = self.try_one(&one).await? {
                let event = &one.events[0];
                tracing::warn!(projection = %self.id, position = event.position.0, %error, "event is parked");
                parked::park(&self.store, &self.id, event, &error, self.attempts).await?;
                self.progress.update(|status| status.parked += 1);
                let empty = self.make_batch(Vec::new(), next);
                self.view.apply(&empty).await?;
            }
            // Whoever tries again after an error goes on here: what is before was applied.
            if let Some(at) = &mut self.at {
                (at.next, at.stored) = (next, next);
            }
        }
        let rest = self.make_batch(Vec::new(), batch.next);
        self.view.apply(&rest).await
    }

    /// Tries an event some times; the inner error is said of the event.
    async fn try_one(&mut self, one: &Batch) -> Result<Result<()>> {
        let mut last = Ok(());
        for _ in 0..self.attempts {
            match self.view.apply(one).await {
                Ok(()) => return Ok(Ok(())),
                Err(error) if is_about_events(&error) => last = Err(error),
                Err(error) => return Err(error),
            }
        }
        Ok(last)
    }

    /// The events that are parked.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn parked(&self) -> Result<Vec<Parked>> {
        parked::parked(&self.store, &self.id).await
    }

    /// Applies a parked event after all; it is not parked any more then.
    ///
    /// # Errors
    /// `NotFound` if it is not parked; else what is said against it.
    pub async fn replay(&mut self, position: Position) -> Result<()> {
        let is_parked = self.parked().await?.iter().any(|p| p.position == position);
        let event = match is_parked {
            true => self.store.event_at(position).await?,
            false => None,
        };
        let Some(event) = event else {
            let message = format!(
                "event at position {} is not parked by projection \"{}\"",
                position.0, self.id
            );
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let next = self.at().await?.next;
        let one = self.make_batch(vec![event], next);
        self.view.apply(&one).await?;
        parked::replayed(&self.store, &self.id, position).await
    }
}

/// Whether an error of a view is said of the events, rather than of the time or the place.
fn is_about_events(error: &Error) -> bool {
    !matches!(
        error.kind(),
        ErrorKind::Unavailable | ErrorKind::Conflict | ErrorKind::Closed
    )
}
