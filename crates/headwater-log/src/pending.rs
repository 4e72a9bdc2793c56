//! What a caller holds of a commit that is on its way: the slot in which the writer puts the outcome.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::thread::Thread;
use std::time::Duration;

use crate::blocking;
use crate::commit::Receipt;
use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;

/// How long a thread sleeps before it looks whether it can do the writer's work.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// Where the outcome of one request goes. Nobody is woken who does not wait, so that one thread can have many
/// commits in flight for the price of one wake-up.
#[derive(Debug, Default)]
pub(crate) struct Slot(Mutex<Outcome>);

/// ```text
/// Open ──wait──► Awaited ──complete──► Done ──take──► Taken
///   └───────────complete───────────────▲
/// ```
#[derive(Debug, Default)]
enum Outcome {
    #[default]
    Open,
    Awaited(Waiter),
    Done(Result<Receipt>),
    Taken,
}

/// Who waits.
#[derive(Debug)]
pub(crate) enum Waiter {
    Thread(Thread),
    Task(Waker),
}

impl Waiter {
    pub(crate) fn wake(self) {
        match self {
            Self::Thread(thread) => thread.unpark(),
            Self::Task(waker) => waker.wake(),
        }
    }
}

impl Slot {
    fn lock(&self) -> MutexGuard<'_, Outcome> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts the outcome in; gives who is to be woken.
    pub(crate) fn complete(&self, result: Result<Receipt>) -> Option<Waiter> {
        match std::mem::replace(&mut *self.lock(), Outcome::Done(result)) {
            Outcome::Awaited(waiter) => Some(waiter),
            _ => None,
        }
    }

    /// Takes the outcome out, or leaves word who waits for it.
    pub(crate) fn take_or_wait(&self, waiter: impl FnOnce() -> Waiter) -> Option<Result<Receipt>> {
        let mut outcome = self.lock();
        match std::mem::replace(&mut *outcome, Outcome::Taken) {
            Outcome::Done(result) => Some(result),
            Outcome::Taken => Some(Err(Error::new(
                ErrorKind::Bug,
                "outcome of a commit was taken twice",
            ))),
            Outcome::Open | Outcome::Awaited(_) => {
                *outcome = Outcome::Awaited(waiter());
                None
            }
        }
    }

    /// Takes the outcome out, if it is there.
    fn take(&self) -> Option<Result<Receipt>> {
        let mut outcome = self.lock();
        match std::mem::replace(&mut *outcome, Outcome::Taken) {
            Outcome::Done(result) => Some(result),
            other => {
                *outcome = other;
                None
            }
        }
    }

    /// Whether the outcome is there.
    pub(crate) fn is_done(&self) -> bool {
        matches!(*self.lock(), Outcome::Done(_))
    }
}

/// The other end of a slot: whoever waits gets an outcome in any case, also if whoever has this panics.
#[derive(Debug)]
pub(crate) struct Promise(Option<Arc<Slot>>);

impl Promise {
    /// The one for a slot, which has no other.
    pub(crate) fn of(slot: &Arc<Slot>) -> Self {
        Self(Some(Arc::clone(slot)))
    }

    /// Puts the outcome in; gives who is to be woken.
    pub(crate) fn keep(mut self, result: Result<Receipt>) -> Option<Waiter> {
        self.0.take()?.complete(result)
    }
}

impl Drop for Promise {
    fn drop(&mut self) {
        let Some(slot) = self.0.take() else {
            return;
        };
        let text = "the writer panicked; the commit may be lost";
        if let Some(waiter) = slot.complete(Err(Error::new(ErrorKind::Closed, text))) {
            waiter.wake();
        }
    }
}

/// A commit on its way to the disk.
///
/// # Cancel safety
/// Dropping it does not take the commit back.
#[derive(Debug)]
pub struct Pending {
    pub(crate) slot: Arc<Slot>,
    pub(crate) shared: Arc<Shared>,
}

impl Pending {
    /// Waits until the commit is durable.
    ///
    /// # Errors
    /// `Conflict` if a condition did not hold; `Invalid`, `NotFound`; `Unavailable` if the disk is full; `Closed` if
    /// the log was closed or a write failed, and then it is unknown whether the commit will be found after a restart.
    pub fn wait(self) -> Result<Receipt> {
        loop {
            if let Some(result) = self.slot.take() {
                return result;
            }
            self.shared.help(&self.slot);
            let waiter = || Waiter::Thread(std::thread::current());
            if let Some(result) = self.slot.take_or_wait(waiter) {
                return result;
            }
            if self.shared.has_threads() {
                std::thread::park_timeout(LOOK_AGAIN);
            }
        }
    }

    /// Whether the outcome is there, so that [`wait`](Self::wait) would not block.
    pub fn is_done(&self) -> bool {
        self.slot.is_done()
    }
}

impl Future for Pending {
    type Output = Result<Receipt>;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.shared.has_threads() || blocking::may_write() {
            self.shared.help(&self.slot);
        }
        match self
            .slot
            .take_or_wait(|| Waiter::Task(context.waker().clone()))
        {
            Some(result) => Poll::Ready(result),
            None => Poll::Pending,
        }
    }
}
