//! Views that are any code of the user's, called at least once an event.

use std::pin::Pin;

use bytes::Bytes;

use super::BoxError;
use super::view::{Batch, ProjectionId, View, decode, encode};
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Id, Position, Recorded};
use crate::store::{Append, Condition, Store};
use crate::task::Task;

/// How an event comes to a handler.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Delivery {
    /// The same for every time that this event comes to this projection, and for nothing else.
    pub key: Id,
    /// Whether the handler may have effects outside of its view: not while a rebuilt version catches up.
    pub live: bool,
}

/// What is called with each event. A closure is one; so is a type with `async fn`s.
pub trait Handler: Send {
    /// Handles an event; it may come again if the process dies before the position is stored.
    ///
    /// # Errors
    /// Our [`Error`] of kind `Unavailable`: the event comes again. Anything else: it is parked after some attempts.
    fn handle<'a>(
        &'a mut self,
        event: &'a Recorded,
        delivery: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>>;
}

impl<F> Handler for F
where
    F: FnMut(&Recorded, &Delivery) -> Result<(), BoxError> + Send,
{
    fn handle<'a>(
        &'a mut self,
        event: &'a Recorded,
        delivery: &'a Delivery,
    ) -> Pin<Box<dyn Future<Output = Result<(), BoxError>> + Send + 'a>> {
        let done = self(event, delivery);
        Box::pin(std::future::ready(done))
    }
}

/// A view that is whatever a [`Handler`] makes of the events; its position is kept in the store.
#[derive(Debug)]
pub struct HandlerView<H> {
    store: Store,
    id: ProjectionId,
    handler: H,
    /// The position as it is stored; `None`: it was not looked up yet.
    stored: Option<Option<Bytes>>,
}

impl<H: Handler> HandlerView<H> {
    /// The view of a projection.
    pub fn new(store: Store, id: ProjectionId, handler: H) -> Self {
        Self {
            store,
            id,
            handler,
            stored: None,
        }
    }

    /// The handler.
    pub fn handler(&self) -> &H {
        &self.handler
    }

    async fn stored(&mut self) -> Result<Option<Bytes>> {
        if let Some(stored) = &self.stored {
            return Ok(stored.clone());
        }
        let owner = self.id.owner();
        let found = self.store.events().positions(&owner).await?;
        let found = found.into_iter().find(|(o, _)| *o == owner).map(|(_, p)| p);
        self.stored = Some(found.clone());
        Ok(found)
    }

    async fn store(&mut self, next: Position) -> Result<()> {
        let (owner, expected, value) = (self.id.owner(), self.stored().await?, encode(next));
        if expected.as_ref() == Some(&value) {
            return Ok(());
        }
        let condition = Condition::Position {
            owner: owner.clone(),
            expected,
        };
        let append = Append::new().position(owner, value.clone()).when(condition);
        self.store.append(append).await?;
        self.stored = Some(Some(value));
        Ok(())
    }

    async fn run(&mut self, batch: &Batch) -> Result<()> {
        let mut delivery = Delivery {
            key: String::new(),
            live: false,
        };
        for event in &batch.events {
            delivery.key = format!("{}/{}", self.id, event.position.0);
            delivery.live = batch.is_live(event);
            let handled = self.handler.handle(event, &delivery).await;
            handled.map_err(|e| refused(event, e))?;
        }
        self.store(batch.next).await
    }
}

/// The error of a handler.
pub(super) fn refused(event: &Recorded, error: BoxError) -> Error {
    match error.downcast::<Error>() {
        Ok(ours) => *ours,
        Err(other) => {
            let message = format!(
                "event {:?} at position {} was not handled",
                event.kind, event.position.0
            );
            Error::new(ErrorKind::Invalid, message).with_source(other)
        }
    }
}

impl<H: Handler> View for HandlerView<H> {
    fn position(&mut self) -> Task<'_, Position> {
        Box::pin(async move {
            match self.stored().await? {
                Some(value) => decode(&self.id.owner(), &value),
                None => Ok(Position(0)),
            }
        })
    }

    fn apply<'a>(&'a mut self, batch: &'a Batch) -> Task<'a, ()> {
        Box::pin(self.run(batch))
    }
}
