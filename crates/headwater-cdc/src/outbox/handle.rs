//! An outbox that is taken over on a thread of its own, for as long as somebody holds it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headwater_log::{Error, ErrorKind, Log, Result};

use super::publisher::Published;
use super::settings::{From, OutboxSettings};
use super::{asking, stream};

/// How long it waits after a failure, at first and at last.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(10);

/// What an outbox says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OutboxStatus {
    /// Whether it is connected.
    pub is_following: bool,
    /// Why it is not, if it tries again.
    pub waits_for: Option<String>,
    /// Events that became records, since it was started.
    pub events: u64,
    /// Events that are kept in `<table>$errors`, since it was started.
    pub kept: u64,
}

#[derive(Debug, Default)]
struct State {
    status: OutboxStatus,
    failure: Option<(ErrorKind, String, Option<String>)>,
    /// How often somebody wanted everything that is committed, and how often that was there.
    wanted: u64,
    served: u64,
}

/// What the thread and who holds it have in common.
#[derive(Debug, Default)]
pub(super) struct Shared {
    state: Mutex<State>,
    changed: Condvar,
    stop: AtomicBool,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// The number of the newest wish that was not served, if there is one.
    pub(super) fn wish(&self) -> Option<u64> {
        let state = self.lock();
        (state.wanted > state.served).then_some(state.wanted)
    }

    /// Everything that was committed before this wish is durable here.
    pub(super) fn serve(&self, wish: u64) {
        let mut state = self.lock();
        state.served = state.served.max(wish);
        self.changed.notify_all();
    }

    pub(super) fn published(&self, published: Published) {
        let mut state = self.lock();
        state.status.events += published.events;
        state.status.kept += published.kept;
    }

    pub(super) fn following(&self) {
        let mut state = self.lock();
        state.status.is_following = true;
        state.status.waits_for = None;
    }

    /// Waits, unless it is to end or somebody wants something.
    pub(super) fn pause(&self, time: Duration) {
        let state = self.lock();
        if !self.is_stopped() && state.wanted == state.served {
            drop(self.changed.wait_timeout(state, time));
        }
    }

    fn waits(&self, why: String, time: Duration) {
        let mut state = self.lock();
        state.status.is_following = false;
        state.status.waits_for = Some(why);
        if !self.is_stopped() {
            drop(self.changed.wait_timeout(state, time));
        }
    }

    fn fail(&self, error: &Error) {
        let hint = error.hint().map(str::to_owned);
        let mut state = self.lock();
        state.status.is_following = false;
        state.failure = Some((error.kind(), error.message().to_owned(), hint));
        self.changed.notify_all();
    }
}

/// An outbox that is taken over. Dropping it ends that.
#[derive(Debug)]
pub struct Outbox {
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Outbox {
    /// Goes on where the last one of this name was.
    ///
    /// # Errors
    /// `Invalid` for settings that contradict each other; `Unavailable` if there is no thread to be had.
    pub fn start(log: &Log, settings: OutboxSettings) -> Result<Self> {
        settings.check()?;
        let shared = Arc::new(Shared::default());
        let (log, theirs) = (log.clone(), Arc::clone(&shared));
        let thread = std::thread::Builder::new()
            .name("outbox".to_owned())
            .spawn(move || run(&log, &settings, &theirs))
            .map_err(|e| Error::new(ErrorKind::Unavailable, "no thread").with_source(e))?;
        Ok(Self {
            shared,
            thread: Some(thread),
        })
    }

    /// What it says of itself.
    pub fn status(&self) -> OutboxStatus {
        self.shared.lock().status.clone()
    }

    /// Why it has ended, if it has failed.
    pub fn failure(&self) -> Option<Error> {
        let state = self.shared.lock();
        let (kind, message, hint) = state.failure.as_ref()?;
        let error = Error::new(*kind, message.clone());
        Some(match hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        })
    }

    /// Waits until everything that is committed now is in the topics, or the time is over.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn catch_up(&self, time: Duration) -> Result<bool> {
        let wish = self.wish();
        let until = Instant::now() + time;
        while !self.has_served(wish)? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            let state = self.shared.lock();
            drop(self.shared.changed.wait_timeout(state, left.min(RETRY_MIN)));
        }
        Ok(true)
    }

    /// Asks for everything that is committed now; the number of the wish.
    pub fn wish(&self) -> u64 {
        let mut state = self.shared.lock();
        state.wanted += 1;
        self.shared.changed.notify_all();
        state.wanted
    }

    /// Whether a wish is fulfilled.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn has_served(&self, wish: u64) -> Result<bool> {
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(self.shared.lock().served >= wish),
        }
    }

    /// Stops it, and waits until it has.
    pub fn stop(mut self) {
        self.end();
    }

    fn end(&mut self) {
        {
            let _state = self.shared.lock();
            self.shared.stop.store(true, Ordering::Relaxed);
            self.shared.changed.notify_all();
        }
        if let Some(thread) = self.thread.take()
            && thread.join().is_err()
        {
            let error = Error::new(ErrorKind::Bug, "the outbox has panicked");
            self.shared.fail(&error);
        }
    }
}

impl Drop for Outbox {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(log: &Log, settings: &OutboxSettings, shared: &Shared) {
    let mut wait = RETRY_MIN;
    while !shared.is_stopped() {
        let since = Instant::now();
        let ended = match settings.from {
            From::Asking(_) => asking::run(log, settings, shared),
            From::Log(_) | From::Messages(_) => stream::run(log, settings, shared),
        };
        match ended {
            Ok(()) => {}
            Err(e) if e.kind().is_retriable() => {
                if since.elapsed() > RETRY_MAX {
                    wait = RETRY_MIN;
                }
                shared.waits(e.to_string(), wait);
                wait = (wait * 2).min(RETRY_MAX);
            }
            Err(e) => return shared.fail(&e),
        }
    }
}
