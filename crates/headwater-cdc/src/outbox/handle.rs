//! An outbox that is taken over on a thread of its own, for as long as somebody holds it.

use std::time::{Duration, Instant};

use headwater_log::{Error, Log, Result};

use super::publisher::Published;
use super::settings::{From, OutboxSettings};
use super::{asking, mysql, queue, stream};
use crate::supervised::{self, Supervised, Told};

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
    /// When everything that was heard of was published, last; `None`: never.
    pub caught_up: Option<Instant>,
    /// How many bytes of the server's log are not published, where that says how many it has.
    pub lag_bytes: Option<u64>,
}

impl OutboxStatus {
    /// For how long there has been something that is not published, at most.
    pub fn lag(&self) -> Option<Duration> {
        self.caught_up.map(|at| at.elapsed())
    }
}

#[derive(Debug, Default)]
pub(super) struct State {
    status: OutboxStatus,
    /// How often somebody wanted everything that is committed, and how often that was there.
    wanted: u64,
    served: u64,
}

impl Told for State {
    fn waits(&mut self, why: String) {
        self.status.is_following = false;
        self.status.waits_for = Some(why);
    }

    fn failed(&mut self, _why: &str) {
        self.status.is_following = false;
    }

    fn stopped(&mut self) {
        self.status.is_following = false;
    }
}

/// What the thread and who holds it have in common.
pub(super) type Shared = supervised::Shared<State>;

impl Shared {
    /// The number of the newest wish that was not served, if there is one.
    pub(super) fn wish(&self) -> Option<u64> {
        self.look(|state| (state.wanted > state.served).then_some(state.wanted))
    }

    /// Everything that was committed before this wish is durable here.
    pub(super) fn serve(&self, wish: u64) {
        self.change(|state| state.served = state.served.max(wish));
    }

    pub(super) fn published(&self, published: Published) {
        self.change(|state| {
            state.status.events += published.events;
            state.status.kept += published.kept;
        });
    }

    pub(super) fn following(&self) {
        self.begun();
        self.change(|state| {
            state.status.is_following = true;
            state.status.waits_for = None;
        });
    }

    /// Everything that was heard of is published.
    pub(super) fn caught_up(&self) {
        self.change(|state| state.status.caught_up = Some(Instant::now()));
    }

    /// So many bytes of the server's log are not published.
    pub(super) fn lags(&self, bytes: u64) {
        self.change(|state| {
            state.status.lag_bytes = Some(bytes);
            if bytes == 0 {
                state.status.caught_up = Some(Instant::now());
            }
        });
    }

    /// Waits, unless it is to end or somebody wants something.
    pub(super) fn pause(&self, time: Duration) {
        self.rest(time, |state| state.wanted > state.served);
    }
}

/// An outbox that is taken over. Dropping it ends that.
#[derive(Debug)]
pub struct Outbox(Supervised<State>);

impl Outbox {
    /// Goes on where the last one of this name was.
    ///
    /// # Errors
    /// `Invalid` for settings that contradict each other; `Unavailable` if there is no thread to be had.
    pub fn start(log: &Log, settings: OutboxSettings) -> Result<Self> {
        settings.check()?;
        let (log, name) = (log.clone(), format!("outbox-{}", settings.name));
        let life = move |shared: &Shared| once(&log, &settings, shared);
        Supervised::start(name, life).map(Self)
    }

    /// What it says of itself.
    pub fn status(&self) -> OutboxStatus {
        self.0.shared().look(|state| state.status.clone())
    }

    /// Why it has ended, if it has failed.
    pub fn failure(&self) -> Option<Error> {
        self.0.failure()
    }

    /// Waits until everything that is committed now is in the topics, or the time is over.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn catch_up(&self, time: Duration) -> Result<bool> {
        let wish = self.wish();
        self.0.wait_until(time, || self.has_served(wish))
    }

    /// Asks for everything that is committed now; the number of the wish.
    pub fn wish(&self) -> u64 {
        self.0.shared().change(|state| {
            state.wanted += 1;
            state.wanted
        })
    }

    /// Whether a wish is fulfilled.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn has_served(&self, wish: u64) -> Result<bool> {
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(self.0.shared().look(|state| state.served >= wish)),
        }
    }

    /// Stops it, and waits until it has.
    pub fn stop(self) {
        drop(self);
    }
}

/// The life of one connection.
fn once(log: &Log, settings: &OutboxSettings, shared: &Shared) -> Result<()> {
    match &settings.from {
        From::Log(at, _) | From::Messages(at, _) => stream::run(log, settings, at, shared),
        From::Asking(at, table) => asking::run(log, settings, (at, table), shared),
        From::Binlog(at, table) => mysql::run(log, settings, (at, table), shared),
        From::Emptied(at, table) => {
            let queue = mysql::TableQueue::open(at, table, &settings.router)?;
            queue::run(queue, log, settings, shared)
        }
    }
}
