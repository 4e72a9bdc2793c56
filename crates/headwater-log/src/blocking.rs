//! Threads that wait for futures of the log and for nothing else. One that waits by [`Log::commit`](crate::Log::commit) writes its
//! commit itself if nobody is at it, which saves two changes of threads; whoever awaits a [`Pending`](crate::Pending) may not
//! block its executor and leaves the work to the writer's thread, unless it says here that it would block anyway.

use std::cell::RefCell;
use std::sync::Arc;

use crate::shared::Shared;

thread_local! {
    /// While this thread polls for itself: the logs whose writers are still to be woken.
    static POLLING: RefCell<Option<Vec<Arc<Shared>>>> = const { RefCell::new(None) };
}

/// Polls a future, on a thread that would sleep until it is ready: a commit that is awaited in it may be written by this thread,
/// which then blocks for as long as the disk takes. What was submitted meanwhile is on its way when this returns.
pub fn poll_and_write<T>(poll: impl FnOnce() -> T) -> T {
    let _polling = Polling {
        outer: POLLING.replace(Some(Vec::new())),
    };
    poll()
}

/// Whether this thread may write what it waits for.
pub(crate) fn may_write() -> bool {
    POLLING.with_borrow(Option::is_some)
}

/// Wakes the writer of a log, or has it done once this thread has tried to do its work.
pub(crate) fn wake_writer(shared: &Arc<Shared>) {
    POLLING.with_borrow_mut(|polling| match polling {
        Some(owed) if owed.last().is_some_and(|last| Arc::ptr_eq(last, shared)) => {}
        Some(owed) => owed.push(Arc::clone(shared)),
        None => shared.queue.wake(),
    });
}

struct Polling {
    outer: Option<Vec<Arc<Shared>>>,
}

impl Drop for Polling {
    fn drop(&mut self) {
        let owed = POLLING.replace(self.outer.take());
        // As a rule this thread has done the work: a writer's thread that is woken for nothing costs as much as the work.
        let undone = owed.iter().flatten().filter(|log| log.queue.has_work());
        undone.for_each(|log| log.queue.wake());
    }
}
