//! Futures that need no particular runtime, and how to wait for one without any.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};
use std::thread::Thread;

use headwater_log::poll_and_write;

use crate::error::Result;

/// What the methods of the seams give: a future that any executor can run.
pub type Task<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// Runs a future to its end on this thread, which sleeps while there is nothing to do; what it appends to a log it may write itself.
///
/// ```
/// assert_eq!(headwater_events::block_on(async { 1 + 1 }), 2);
/// ```
pub fn block_on<F: Future>(future: F) -> F::Output {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(std::thread::current())));
    let mut context = Context::from_waker(&waker);
    loop {
        match poll_and_write(|| future.as_mut().poll(&mut context)) {
            Poll::Ready(output) => return output,
            Poll::Pending => std::thread::park(),
        }
    }
}

/// Two futures, of which the first that is ready ends both.
pub(crate) struct Race<'a> {
    runners: [Pin<Box<dyn Future<Output = ()> + 'a>>; 2],
}

impl<'a> Race<'a> {
    pub(crate) fn new(
        one: impl Future<Output = ()> + 'a,
        other: impl Future<Output = ()> + 'a,
    ) -> Self {
        Self {
            runners: [Box::pin(one), Box::pin(other)],
        }
    }
}

impl Future for Race<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let mut polls = self.runners.iter_mut().map(|r| r.as_mut().poll(context));
        // Both are polled, so that both know whom to wake.
        let [one, other] = [polls.next(), polls.next()];
        match (one, other) {
            (Some(Poll::Pending), Some(Poll::Pending)) => Poll::Pending,
            _ => Poll::Ready(()),
        }
    }
}
