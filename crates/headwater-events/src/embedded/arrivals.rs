//! Where tasks wait for the log's next publish.

use std::future::poll_fn;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Poll, Waker};

use headwater_log::{Log, Subscription};

/// The tasks that wait for the log's next publish.
#[derive(Debug, Default)]
pub(super) struct Arrivals {
    waiting: Mutex<Vec<Waker>>,
    /// Whether anybody waits, so that a publish for nobody costs nothing.
    any: AtomicBool,
}

impl Arrivals {
    /// Wakes them as long as the subscription lives. It is no part of this, which the log's thread may drop last: a
    /// subscription must not end in its own call.
    pub(super) fn of(log: &Log) -> (Arc<Self>, Subscription) {
        let arrivals = Arc::new(Self::default());
        let its = Arc::clone(&arrivals);
        let calls = log.subscribe(Arc::new(move || its.wake()));
        (arrivals, calls)
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Waker>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(&self) {
        if self.any.load(Ordering::SeqCst) {
            let waiting = {
                let mut waiting = self.waiting();
                self.any.store(false, Ordering::SeqCst);
                std::mem::take(&mut *waiting)
            };
            waiting.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits until `ready` gives something; it is asked again after each publish.
    pub(super) async fn wait_until<T>(&self, ready: impl Fn() -> Option<T>) -> T {
        poll_fn(|context| {
            if let Some(found) = ready() {
                return Poll::Ready(found);
            }
            {
                let mut waiting = self.waiting();
                if !waiting.iter().any(|w| w.will_wake(context.waker())) {
                    waiting.push(context.waker().clone());
                }
                self.any.store(true, Ordering::SeqCst);
            }
            // What was published before the waker was there woke nobody.
            match ready() {
                Some(found) => Poll::Ready(found),
                None => Poll::Pending,
            }
        })
        .await
    }
}
