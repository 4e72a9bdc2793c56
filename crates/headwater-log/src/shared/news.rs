//! Who wants to hear of publishes: threads that wait and wakers that are called.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError, RwLock};
use std::time::Duration;

use super::state::Shared;
use crate::record::CommitNumber;

/// Called after each publish.
pub type Waker = Arc<dyn Fn() + Send + Sync>;

/// Whom to tell.
#[derive(Default)]
pub(super) struct News {
    lock: Mutex<()>,
    published: Condvar,
    waiting: AtomicUsize,
    wakers: RwLock<Wakers>,
}

#[derive(Default)]
struct Wakers {
    next: u64,
    wakers: BTreeMap<u64, Waker>,
}

impl News {
    /// Wakes the threads that wait.
    pub(super) fn announce(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            drop(self.lock.lock());
            self.published.notify_all();
        }
    }
}

impl Shared {
    /// Calls everyone who wants to hear of a publish.
    pub(crate) fn wake_subscribers(&self) {
        let wakers = self.news.wakers.read();
        let wakers = wakers.unwrap_or_else(PoisonError::into_inner);
        wakers.wakers.values().for_each(|wake| wake());
    }

    /// Has `waker` called after every publish; gives what [`unsubscribe`](Self::unsubscribe) takes.
    pub(crate) fn subscribe(&self, waker: Waker) -> u64 {
        let wakers = self.news.wakers.write();
        let mut wakers = wakers.unwrap_or_else(PoisonError::into_inner);
        wakers.next += 1;
        let id = wakers.next;
        wakers.wakers.insert(id, waker);
        id
    }

    pub(crate) fn unsubscribe(&self, id: u64) {
        let wakers = self.news.wakers.write();
        let mut wakers = wakers.unwrap_or_else(PoisonError::into_inner);
        wakers.wakers.remove(&id);
    }

    /// Waits for a commit after `after`.
    pub(crate) fn wait_for_commit(&self, after: CommitNumber, timeout: Duration) -> CommitNumber {
        self.wait_while(timeout, || self.last() <= after);
        self.last()
    }

    /// Waits for news as long as `nothing` has come, the log goes on and the time is not over.
    pub(super) fn wait_while(&self, timeout: Duration, nothing: impl Fn() -> bool) {
        let news = &self.news;
        news.waiting.fetch_add(1, Ordering::SeqCst);
        let lock = news.lock.lock().unwrap_or_else(PoisonError::into_inner);
        let goes_on =
            |(): &mut ()| nothing() && self.poisoned().is_none() && !self.queue.is_closed();
        drop(news.published.wait_timeout_while(lock, timeout, goes_on));
        news.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}
