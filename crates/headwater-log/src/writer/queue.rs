//! Where requests wait for the writer: bounded, taken all at once. While a group is being finished they wait on, so that
//! one sync serves many; but if there are many bytes, the next group is worth forming meanwhile.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::request::Request;

/// Bytes that are worth forming a group while another one is finished: copying them takes as long as a sync.
const OVERLAP_BYTES: usize = 1 << 20;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something came, or the log closes.
    ready: Condvar,
    /// Something was taken.
    room: Condvar,
    /// Requests that are queued or taken but not yet in a group, and their bytes.
    open: AtomicUsize,
    open_bytes: AtomicUsize,
    /// Whether a group is being finished.
    busy: AtomicBool,
    sleeping: AtomicBool,
}

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Request>,
    bytes: usize,
    closed: bool,
}

impl State {
    fn is_full(&self, bytes: usize, max: Bounds) -> bool {
        let much = self.bytes + bytes > max.bytes && !self.requests.is_empty();
        (much || self.requests.len() >= max.requests) && !self.closed
    }
}

/// What may wait in a queue.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) requests: usize,
    /// One request may be larger, if it is alone.
    pub(crate) bytes: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request would have to wait.
    pub(crate) fn is_full(&self, bytes: usize, max: Bounds) -> bool {
        self.lock().is_full(bytes, max)
    }

    /// Adds a request, when there is room; gives it back if the queue is closed.
    pub(crate) fn push(&self, request: Request, max: Bounds) -> Result<(), Request> {
        let bytes = request.bytes();
        let mut state = self.lock();
        while state.is_full(bytes, max) {
            self.wake();
            state = self
                .room
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        if state.closed {
            return Err(request);
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        self.open_bytes.fetch_add(bytes, Ordering::SeqCst);
        state.bytes += bytes;
        state.requests.push_back(request);
        Ok(())
    }

    /// Whether there is a request that is in no group yet.
    pub(crate) fn has_work(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// Moves all requests to the end of `into`.
    pub(crate) fn take(&self, into: &mut VecDeque<Request>) {
        let mut state = self.lock();
        into.append(&mut state.requests);
        state.bytes = 0;
        drop(state);
        self.room.notify_all();
    }

    /// Whether more waits than should wait for a group to be finished.
    pub(crate) fn is_plenty(&self) -> bool {
        self.open_bytes.load(Ordering::SeqCst) >= OVERLAP_BYTES
    }

    /// Whether it is time to form a group of what waits.
    pub(crate) fn is_ripe(&self) -> bool {
        !self.busy.load(Ordering::SeqCst) || self.is_plenty()
    }

    /// Notes that a group is being finished, or is not any more.
    pub(crate) fn set_busy(&self, busy: bool) {
        let state = self.lock();
        self.busy.store(busy, Ordering::SeqCst);
        drop(state);
        if self.has_work() {
            self.wake();
        }
    }

    /// `count` requests of `bytes` have found their group.
    pub(crate) fn grouped(&self, count: usize, bytes: usize) {
        self.open.fetch_sub(count, Ordering::SeqCst);
        self.open_bytes.fetch_sub(bytes, Ordering::SeqCst);
    }

    /// Wakes the writer thread, if it sleeps and should not.
    pub(crate) fn wake(&self) {
        if self.is_ripe() && self.sleeping.swap(false, Ordering::SeqCst) {
            self.ready.notify_one();
        }
    }

    /// Waits until there is work that is ripe; false when the queue is closed and there is none.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.lock();
        loop {
            self.sleeping.store(true, Ordering::SeqCst);
            if self.has_work() && self.is_ripe() {
                self.sleeping.store(false, Ordering::SeqCst);
                return true;
            }
            if state.closed && !self.has_work() {
                return false;
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
        self.room.notify_all();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }
}
