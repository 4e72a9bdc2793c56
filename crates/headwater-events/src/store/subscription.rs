//! Following all events from some place in the past into the present.

use std::sync::Arc;

use super::filter::Filter;
use super::read::ReadAll;
use super::seam::EventStore;
use crate::error::Result;
use crate::event::{Position, Recorded};

/// Events that are fetched at a time.
const PAGE: usize = 1024;

/// Events from some place in the past into the present, without a gap or a double: history and what is new are read the
/// same way, in the store's one order.
#[derive(Debug)]
pub struct Subscription {
    store: Arc<dyn EventStore>,
    filter: Filter,
    /// Everything before this was given out, or is in `page`.
    read_to: Position,
    page: std::vec::IntoIter<Recorded>,
}

impl Subscription {
    pub(crate) fn new(store: Arc<dyn EventStore>, from: Position, filter: Filter) -> Self {
        Self {
            store,
            filter,
            read_to: from,
            page: Vec::new().into_iter(),
        }
    }

    /// Where it stands: everything that it wants before this was given out.
    pub fn position(&self) -> Position {
        match self.page.as_slice().first() {
            Some(next) => next.position,
            None => self.read_to,
        }
    }

    /// The next event; waits for it.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`, `Closed`; it can be called again.
    ///
    /// # Cancel safety
    /// No event is lost.
    pub async fn next(&mut self) -> Result<Recorded> {
        loop {
            if let Some(event) = self.page.next() {
                return Ok(event);
            }
            self.fill().await?;
        }
    }

    /// The next events, at most `max`; waits until there are some.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    ///
    /// # Cancel safety
    /// No event is lost.
    pub async fn batch(&mut self, max: usize) -> Result<Vec<Recorded>> {
        while self.page.as_slice().is_empty() {
            self.fill().await?;
        }
        Ok(self.page.by_ref().take(max).collect())
    }

    /// The events that are there now, at most `max`, without waiting; none if it has caught up.
    ///
    /// # Errors
    /// As [`next`](Self::next).
    pub async fn ready(&mut self, max: usize) -> Result<Vec<Recorded>> {
        while self.page.as_slice().is_empty() {
            let (before, end) = (self.read_to, self.turn_page().await?);
            if self.read_to >= end || self.read_to == before {
                break;
            }
        }
        Ok(self.page.by_ref().take(max).collect())
    }

    async fn fill(&mut self) -> Result<()> {
        let end = self.turn_page().await?;
        if self.page.as_slice().is_empty() && self.read_to >= end {
            self.store.wait(self.read_to).await?;
        }
        Ok(())
    }

    async fn turn_page(&mut self) -> Result<Position> {
        let read = ReadAll {
            from: self.read_to,
            filter: self.filter.clone(),
            limit: PAGE,
        };
        let page = self.store.read_all(read).await?;
        self.page = page.events.into_iter();
        self.read_to = page.next;
        Ok(page.end)
    }
}
