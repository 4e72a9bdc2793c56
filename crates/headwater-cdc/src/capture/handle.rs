//! A running capture, and what others see of it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use headwater_log::{Error, ErrorKind, Log, Result};

use super::place::Place;
use super::records;
use super::server::{Feed, Reads};
use super::settings::{OnLoss, Settings};
use super::setup::Begun;
use super::status::{Phase, Status};
use super::stream::{Ended, Stream};
use crate::{mysql, postgres};

/// How long is waited after the first failure; it doubles from one to the next.
const RETRY_MIN: Duration = Duration::from_millis(100);
const RETRY_MAX: Duration = Duration::from_secs(5);

/// What the capture and those who look at it share.
#[derive(Debug, Default)]
pub(super) struct Shared {
    stop: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

/// What a running capture is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Read tables, or not for now.
    Pause(bool),
    /// Read a table once more.
    Read {
        table: String,
        filter: Option<String>,
    },
}

#[derive(Debug, Default)]
struct State {
    status: Status,
    /// What somebody waits for.
    wanted: Option<Place>,
    /// What somebody wishes.
    wishes: Vec<Wish>,
    failure: Option<(ErrorKind, String, Option<String>)>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.stop.load(Ordering::Relaxed)
    }

    /// Whether somebody waits for the position to reach what the server has reached.
    pub(super) fn wants(&self, end: &Place, reached: &Place) -> bool {
        let state = self.lock();
        let wanted = state.wanted.as_ref();
        wanted.is_some_and(|wanted| !end.reaches(wanted) && reached.reaches(wanted))
    }

    /// What somebody wishes since this was asked last.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        std::mem::take(&mut self.lock().wishes)
    }

    /// Changes what is said.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Status)) {
        change(&mut self.lock().status);
        self.changed.notify_all();
    }

    fn fail(&self, error: &Error) {
        let mut state = self.lock();
        state.status.phase = Phase::Failed(error.to_string());
        let hint = error.hint().map(str::to_owned);
        state.failure = Some((error.kind(), error.to_string(), hint));
        self.changed.notify_all();
    }

    /// Waits, but not for longer than until it is told to stop.
    fn pause(&self, time: Duration) {
        let until = Instant::now() + time;
        let mut state = self.lock();
        while !self.is_stopped() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// A capture that runs on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Capture {
    settings: Settings,
    shared: Arc<Shared>,
    thread: Option<JoinHandle<()>>,
}

impl Capture {
    /// Starts a capture, with the topics of its tables. What is wrong with the server is tried again or said by [`failure`](Self::failure).
    ///
    /// # Errors
    /// `Invalid` for wrong settings or a topic that is not as it must be, `Unavailable`.
    pub fn start(log: &Log, settings: impl Into<Settings>) -> Result<Self> {
        let settings = settings.into();
        settings.check()?;
        for topic in settings.topics() {
            records::ensure_topic(log, topic, settings.format())?;
        }
        let shared = Arc::new(Shared::default());
        let (log, theirs) = (log.clone(), Arc::clone(&shared));
        let (settings, ours) = (settings.clone(), settings);
        let named = std::thread::Builder::new().name(format!("cdc-{}", settings.name()));
        let thread = named.spawn(move || run(&log, &settings, &theirs));
        let thread = thread.map_err(|e| {
            Error::new(ErrorKind::Unavailable, "no thread for a capture").with_source(e)
        })?;
        Ok(Self {
            settings: ours,
            shared,
            thread: Some(thread),
        })
    }

    /// What it says of itself.
    pub fn status(&self) -> Status {
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

    /// Whether all that was committed before `end` is durable here, what was in the tables at first included. Who asks
    /// is waited for: it will be soon.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn has_reached(&self, end: &Place) -> Result<bool> {
        {
            let mut state = self.shared.lock();
            state.wanted = Some(Place::latest(state.wanted.take(), end.clone()));
        }
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(self.shared.lock().status.has_reached(end)),
        }
    }

    /// Waits until [`has_reached`](Self::has_reached), or the time is over.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn wait_for(&self, end: &Place, time: Duration) -> Result<bool> {
        let until = Instant::now() + time;
        while !self.has_reached(end)? {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(false);
            }
            // What happens between the look and the wait is seen a little later.
            let waited = self
                .shared
                .changed
                .wait_timeout(self.shared.lock(), left.min(RETRY_MIN));
            drop(waited);
        }
        Ok(true)
    }

    /// Waits until [`has_reached`](Self::has_reached), however long the server takes as long as it can be reached.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached; why the capture has failed.
    pub fn wait_until(&self, end: &Place) -> Result<()> {
        while !self.wait_for(end, RETRY_MIN)? {
            if let Phase::Waiting(why) = self.status().phase {
                return Err(Error::new(ErrorKind::Unavailable, why));
            }
        }
        Ok(())
    }

    /// Tables are not read for now, also not by the next capture of that name; their changes come nevertheless.
    pub fn pause(&self) {
        self.wish(Wish::Pause(true));
    }

    /// Tables are read again, from where that was paused.
    pub fn resume(&self) {
        self.wish(Wish::Pause(false));
    }

    /// Has a table read once more, over what is in its topic and beside its changes: all of it, or the rows that a condition of SQL
    /// holds for. Rows that are gone are not noticed by it.
    ///
    /// # Errors
    /// `NotFound` if it is not captured, `Unavailable` if the capture does not stream, `Unsupported` for a condition and another
    /// server than PostgreSQL, what the server says of the condition.
    pub fn snapshot(&self, table: &str, filter: Option<&str>) -> Result<()> {
        let status = self.status();
        if status.tables.is_empty() {
            let text = "the capture does not follow the database yet";
            return Err(Error::new(ErrorKind::Unavailable, text));
        }
        if !status.tables.iter().any(|t| t.name == table) {
            let names: Vec<&str> = status.tables.iter().map(|t| t.name.as_str()).collect();
            let text = format!("table '{table}' is not captured");
            let hint = format!("these are: {}", names.join(", "));
            return Err(Error::new(ErrorKind::NotFound, text).with_hint(hint));
        }
        if let Some(filter) = filter {
            self.settings.try_filter(table, filter)?;
        }
        // Whoever asks how far it is hears at once that it is not read whole.
        self.shared.tell(|status| {
            let tables = status.tables.iter_mut();
            tables
                .filter(|t| t.name == table)
                .for_each(|t| t.is_done = false);
        });
        self.wish(Wish::Read {
            table: table.to_owned(),
            filter: filter.map(str::to_owned),
        });
        Ok(())
    }

    fn wish(&self, wish: Wish) {
        self.shared.lock().wishes.push(wish);
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
            self.shared
                .fail(&Error::new(ErrorKind::Bug, "the capture has panicked"));
        }
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.end();
    }
}

fn run(log: &Log, settings: &Settings, shared: &Shared) {
    let mut wait = RETRY_MIN;
    while !shared.is_stopped() {
        match once(log, settings, shared, &mut wait) {
            Ok(Ended::Changed) => {}
            Ok(Ended::Stopped) => break,
            Ok(Ended::Lost(why)) => return shared.fail(&why),
            Err(e) if e.kind().is_retriable() => {
                shared.tell(|status| status.phase = Phase::Waiting(e.to_string()));
                shared.pause(wait);
                wait = (wait * 2).min(RETRY_MAX);
            }
            Err(e) => return shared.fail(&e),
        }
    }
    shared.tell(|status| status.phase = Phase::Stopped);
}

/// The life of one connection.
fn once(log: &Log, settings: &Settings, shared: &Shared, wait: &mut Duration) -> Result<Ended> {
    let life = Life {
        log,
        name: settings.name(),
        shared,
        wait,
    };
    let ended = match settings {
        Settings::PostgreSql(of) => life.run(postgres::begin(log, of)?)?,
        Settings::MySql(of) => life.run(mysql::begin(log, of)?)?,
    };
    match (ended, settings.on_loss()) {
        (Ended::Lost(why), OnLoss::Stop) => Err(why),
        (Ended::Lost(_), OnLoss::Backfill) => {
            match settings {
                Settings::PostgreSql(of) => postgres::begin_anew(log, of)?,
                Settings::MySql(of) => mysql::begin_anew(log, of)?,
            }
            Ok(Ended::Changed)
        }
        (ended, _) => Ok(ended),
    }
}

/// What the life of one connection needs.
struct Life<'a> {
    log: &'a Log,
    name: &'a str,
    shared: &'a Shared,
    wait: &'a mut Duration,
}

impl Life<'_> {
    /// Streams until something ends it.
    fn run<F: Feed, R: Reads<Server = F::Server>>(self, begun: Begun<F, R>) -> Result<Ended> {
        match begun {
            Begun::Lost(why) => Ok(Ended::Lost(why)),
            Begun::Ready(ready) => {
                *self.wait = RETRY_MIN;
                Stream::new(self.log, self.name, self.shared, *ready)?.run()
            }
        }
    }
}
