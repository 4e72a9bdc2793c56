//! Where requests wait for the writer: bounded until they are in a group, taken all at once. While a group is synced they wait on, so that one sync serves
//! many, until there are enough of them that another sync beside it is worth it; many bytes are worth forming a group of in any case.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};

use super::request::{Request, Work};
use crate::wal::file::SYNCS_MAX;

/// Bytes that are worth forming a group while another one is finished: copying them takes as long as a sync.
const OVERLAP_BYTES: usize = 1 << 20;

/// Where no more than so many wait, a caller does the work itself: that saves two changes of threads, which many share.
const LEADER_COMMITS_MAX: usize = 8;

/// The queue.
#[derive(Debug, Default)]
pub(crate) struct Queue {
    state: Mutex<State>,
    /// Something came, or the log closes.
    ready: Condvar,
    /// Requests have found their group.
    room: Condvar,
    /// Threads that wait for that.
    crowd: AtomicUsize,
    /// Requests that are queued or taken but not yet in a group, and their bytes.
    open: AtomicUsize,
    open_bytes: AtomicUsize,
    /// Syncs that run, and the commits that they are for.
    syncs: AtomicUsize,
    syncing: AtomicUsize,
    /// Threads that sleep and were not woken. Changed with the lock held: whoever is counted and is not about to find work sleeps
    /// when the lock is free, and hears it when it is woken.
    sleeping: AtomicUsize,
}

#[derive(Debug, Default)]
struct State {
    requests: VecDeque<Request>,
    closed: bool,
    abandoned: bool,
}

/// How much may wait.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Bounds {
    pub(crate) commits: usize,
    /// One commit may be larger, if it is alone.
    pub(crate) bytes: usize,
}

impl Queue {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a request would have to wait. Only commits do: what the keeper asks for may be what makes room, and changes of
    /// the metadata are few.
    pub(crate) fn is_full(&self, request: &Request, max: Bounds) -> bool {
        let open = self.open.load(Ordering::SeqCst);
        let bytes = self.open_bytes.load(Ordering::SeqCst) + request.bytes();
        let is_full = open >= max.commits || (bytes > max.bytes && open > 0);
        is_full && matches!(request.work, Work::Commit(_))
    }

    /// Adds a request, when there is room; gives it back if the queue is closed.
    pub(crate) fn push(&self, request: Request, max: Bounds) -> Result<(), Request> {
        let mut state = self.lock();
        if self.is_full(&request, max) {
            state = self.wait_for_room(state, &request, max);
        }
        let bytes = request.bytes();
        if state.closed {
            return Err(request);
        }
        self.open.fetch_add(1, Ordering::SeqCst);
        self.open_bytes.fetch_add(bytes, Ordering::SeqCst);
        state.requests.push_back(request);
        Ok(())
    }

    fn wait_for_room<'a>(
        &'a self,
        mut state: MutexGuard<'a, State>,
        request: &Request,
        max: Bounds,
    ) -> MutexGuard<'a, State> {
        // Counted first: whoever makes room from now on either is seen or sees that somebody waits.
        self.crowd.fetch_add(1, Ordering::SeqCst);
        while self.is_full(request, max) && !state.closed {
            if self.is_ripe() && self.take_sleeper(&state) {
                self.ready.notify_one();
            }
            let woken = self.room.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
        }
        self.crowd.fetch_sub(1, Ordering::SeqCst);
        state
    }

    /// Whether there is a request that is in no group yet.
    pub(crate) fn has_work(&self) -> bool {
        self.open.load(Ordering::SeqCst) > 0
    }

    /// Moves all requests to the end of `into`.
    pub(crate) fn take(&self, into: &mut VecDeque<Request>) {
        let mut state = self.lock();
        if into.is_empty() {
            std::mem::swap(into, &mut state.requests); // both keep their memory
        } else {
            into.append(&mut state.requests);
        }
    }

    /// Whether more waits than should wait for a group to be finished.
    pub(crate) fn is_plenty(&self) -> bool {
        self.open_bytes.load(Ordering::SeqCst) >= OVERLAP_BYTES
    }

    /// Whether so few wait that whoever waits for one of them had best do the work.
    pub(crate) fn is_small(&self) -> bool {
        self.open.load(Ordering::SeqCst) <= LEADER_COMMITS_MAX && !self.is_plenty()
    }

    /// Whether it is time to form a group of what waits.
    pub(crate) fn is_ripe(&self) -> bool {
        let syncs = self.syncs.load(Ordering::SeqCst);
        let enough = || {
            let open = self.open.load(Ordering::SeqCst);
            open * syncs * 2 >= self.syncing.load(Ordering::SeqCst)
        };
        syncs == 0 || (syncs < SYNCS_MAX && enough()) || self.is_plenty()
    }

    /// A sync for `commits` begins.
    pub(crate) fn sync_begins(&self, commits: usize) {
        self.syncing.fetch_add(commits, Ordering::SeqCst);
        self.syncs.fetch_add(1, Ordering::SeqCst);
    }

    /// That sync is over.
    pub(crate) fn sync_ends(&self, commits: usize) {
        let state = self.lock();
        self.syncs.fetch_sub(1, Ordering::SeqCst);
        self.syncing.fetch_sub(commits, Ordering::SeqCst);
        drop(state);
        if self.has_work() {
            self.wake();
        }
    }

    /// `count` requests of `bytes` have found their group.
    pub(crate) fn grouped(&self, count: usize, bytes: usize) {
        self.open_bytes.fetch_sub(bytes, Ordering::SeqCst);
        if self.open.fetch_sub(count, Ordering::SeqCst) == count && self.is_closed() {
            self.ready.notify_all(); // there is nothing more to wait for
        }
        if self.crowd.load(Ordering::SeqCst) > 0 {
            drop(self.lock()); // who was about to wait does
            self.room.notify_all();
        }
    }

    /// Wakes a thread of the writer, if one sleeps and should not.
    pub(crate) fn wake(&self) {
        if self.sleeping.load(Ordering::SeqCst) == 0 || !self.is_ripe() {
            return;
        }
        let state = self.lock();
        let is_there = self.take_sleeper(&state);
        drop(state);
        if is_there {
            self.ready.notify_one();
        }
    }

    /// Whether there is a sleeper to wake, who then counts as awake.
    fn take_sleeper(&self, _held: &State) -> bool {
        let sleeping = self.sleeping.load(Ordering::SeqCst);
        self.sleeping
            .store(sleeping.saturating_sub(1), Ordering::SeqCst);
        sleeping > 0
    }

    /// Waits until there is work that is ripe; false when the queue is closed and there is none, or it was
    /// abandoned.
    pub(crate) fn wait(&self) -> bool {
        let mut state = self.lock();
        while !state.abandoned {
            // Counted first: whoever adds work from now on sees either the sleeper or is seen by it.
            self.sleeping.fetch_add(1, Ordering::SeqCst);
            let has_work = self.has_work();
            if has_work && self.is_ripe() || state.closed && !has_work {
                self.sleeping.fetch_sub(1, Ordering::SeqCst);
                return has_work;
            }
            state = self
                .ready
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        }
        false
    }

    /// Lets nothing more in.
    pub(crate) fn close(&self) {
        self.lock().closed = true;
        self.ready.notify_all();
        self.room.notify_all();
    }

    /// Lets nothing more in, and nobody waits for work any more, whatever is open: nobody knows what that is.
    pub(crate) fn abandon(&self) {
        self.lock().abandoned = true;
        self.close();
    }

    pub(crate) fn is_closed(&self) -> bool {
        self.lock().closed
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, mpsc};

    use super::*;
    use crate::pending::Promise;
    use crate::writer::request::Prepared;

    fn request(work: Work) -> Request {
        Request {
            work,
            promise: Promise::of(&Arc::default()),
        }
    }

    fn commit(wal_bytes: usize) -> Request {
        request(Work::Commit(Box::new(Prepared {
            wal_bytes,
            ..Prepared::default()
        })))
    }

    #[test]
    fn what_was_taken_counts_until_it_is_in_a_group() {
        let (queue, max) = (
            Queue::default(),
            Bounds {
                commits: 2,
                bytes: 100,
            },
        );
        let mut taken = VecDeque::new();
        for _ in 0..2 {
            assert!(!queue.is_full(&commit(10), max));
            queue.push(commit(10), max).expect("the queue is open");
            queue.take(&mut taken);
        }
        assert!(queue.is_full(&commit(10), max));
        queue.grouped(1, 10);
        assert!(!queue.is_full(&commit(90), max) && queue.is_full(&commit(91), max));
        queue.grouped(1, 10);
        assert!(!queue.is_full(&commit(1000), max));
    }

    #[test]
    fn a_full_queue_takes_what_may_make_room() {
        let (queue, max) = (
            Queue::default(),
            Bounds {
                commits: 1,
                bytes: 100,
            },
        );
        queue.push(commit(10), max).expect("the queue is open");
        let cut = request(Work::Cut(mpsc::channel().0));
        assert!(queue.is_full(&commit(10), max) && !queue.is_full(&cut, max));
    }

    #[test]
    #[expect(
        clippy::disallowed_methods,
        reason = "threads that meet, and a deadline for them"
    )]
    fn a_thread_that_was_woken_for_nothing_as_it_went_to_sleep_is_woken_for_the_next_request() {
        let max = Bounds {
            commits: 2,
            bytes: 100,
        };
        let (queue, done) = (Arc::new(Queue::default()), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut taken = VecDeque::new();
                while queue.wait() {
                    queue.take(&mut taken);
                    let count = taken.drain(..).count();
                    queue.grouped(count, count * 10);
                    done.fetch_add(count, Ordering::SeqCst);
                }
            });
            // As do those whose requests others have taken before.
            scope.spawn(|| {
                while !queue.is_closed() {
                    queue.wake();
                }
            });
            for round in 1..=20_000 {
                queue.push(commit(10), max).expect("the queue is open");
                queue.wake();
                let begin = std::time::Instant::now();
                while done.load(Ordering::SeqCst) < round {
                    if begin.elapsed().as_secs() > 10 {
                        queue.close();
                        panic!("the request of round {round} is not served");
                    }
                    std::thread::yield_now();
                }
            }
            queue.close();
        });
    }
}
