//! How far a projection is, and waiting for it: read your own writes.

use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use super::view::ProjectionId;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;

/// How far a projection is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Status {
    /// Which one.
    pub id: ProjectionId,
    /// Everything before this was applied or parked.
    pub position: Position,
    /// The end of the store when it was last looked at.
    pub end: Position,
    /// Events that it has applied since it was started.
    pub applied: u64,
    /// Events that it has parked since it was started.
    pub parked: u64,
    /// What went wrong last, while it is not mended.
    pub error: Option<String>,
    /// Whether it may have effects outside of its view.
    pub live: bool,
    /// Whether nobody moves it any more.
    pub stopped: bool,
}

impl Status {
    /// How many events of the store it has not looked at.
    pub fn lag(&self) -> u64 {
        self.end.0.saturating_sub(self.position.0)
    }
}

#[derive(Debug)]
struct Inner {
    status: Status,
    waiting: Vec<Waker>,
}

/// How far a projection is, as seen by everybody else. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Progress(Arc<Mutex<Inner>>);

impl Progress {
    pub(super) fn new(id: ProjectionId) -> Self {
        let status = Status {
            id,
            position: Position(0),
            end: Position(0),
            applied: 0,
            parked: 0,
            error: None,
            live: false,
            stopped: false,
        };
        Self(Arc::new(Mutex::new(Inner {
            status,
            waiting: Vec::new(),
        })))
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How far it is.
    pub fn status(&self) -> Status {
        self.inner().status.clone()
    }

    /// Changes the status and wakes whoever waits.
    pub(super) fn update(&self, change: impl FnOnce(&mut Status)) {
        let waiting = {
            let mut inner = self.inner();
            change(&mut inner.status);
            std::mem::take(&mut inner.waiting)
        };
        waiting.into_iter().for_each(Waker::wake);
    }

    /// Waits until the event at `position` is in the view; an append says where its events are.
    ///
    /// # Errors
    /// `Unavailable` if the projection has stopped before it.
    pub async fn wait(&self, position: Position) -> Result<()> {
        poll_fn(|context| {
            let mut inner = self.inner();
            if inner.status.position > position {
                return Poll::Ready(Ok(()));
            }
            if inner.status.stopped {
                return Poll::Ready(Err(stopped(&inner.status)));
            }
            inner.waiting.push(context.waker().clone());
            Poll::Pending
        })
        .await
    }
}

fn stopped(status: &Status) -> Error {
    let message = format!(
        "projection \"{}\" stopped at position {}",
        status.id, status.position.0
    );
    match &status.error {
        Some(error) => Error::new(ErrorKind::Unavailable, format!("{message}: {error}")),
        None => Error::new(ErrorKind::Unavailable, message),
    }
}
