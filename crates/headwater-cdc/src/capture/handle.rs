//! A running capture, and what others see of it.

use std::time::Duration;

use headwater_log::{Error, ErrorKind, Log, Result};

use super::place::Place;
use super::records;
use super::server::{Feed, Reads};
use super::settings::{OnLoss, Settings};
use super::setup::Begun;
use super::state::owner;
use super::status::{Phase, Status};
use super::stream::{Ended, Stream};
use crate::supervised::{self, Supervised, Told};
use crate::{mysql, postgres};

/// How long who waits for a place waits at a time.
const LOOK: Duration = Duration::from_millis(100);

/// What the capture and those who look at it share.
pub(super) type Shared = supervised::Shared<State>;

/// What a running capture is to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// Read tables, or not for now.
    Pause(bool),
    /// Read once more what has been read.
    ReadAgain,
    /// Read a table once more.
    Read {
        table: String,
        filter: Option<String>,
    },
}

#[derive(Debug, Default)]
pub(super) struct State {
    status: Status,
    /// What somebody waits for.
    wanted: Option<Place>,
    /// What somebody wishes.
    wishes: Vec<Wish>,
    /// Whether values came in a form that is not known, so that they are asked for as texts.
    as_text: bool,
}

impl Told for State {
    fn waits(&mut self, why: String) {
        self.status.phase = Phase::Waiting(why);
    }

    fn failed(&mut self, why: &str) {
        self.status.phase = Phase::Failed(why.to_owned());
    }

    fn stopped(&mut self) {
        self.status.phase = Phase::Stopped;
    }
}

impl Shared {
    /// Whether somebody waits for the position to reach what the server has reached.
    pub(super) fn wants(&self, end: &Place, reached: &Place) -> bool {
        self.look(|state| {
            let wanted = state.wanted.as_ref();
            wanted.is_some_and(|wanted| !end.reaches(wanted) && reached.reaches(wanted))
        })
    }

    /// What somebody wishes since this was asked last.
    pub(super) fn wishes(&self) -> Vec<Wish> {
        self.change(|state| std::mem::take(&mut state.wishes))
    }

    /// Changes what is said.
    pub(super) fn tell(&self, change: impl FnOnce(&mut Status)) {
        self.change(|state| change(&mut state.status));
    }
}

/// A capture that runs on a thread of its own, until it is dropped.
#[derive(Debug)]
pub struct Capture {
    settings: Settings,
    thread: Supervised<State>,
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
        for topic in settings.topics_beside() {
            records::ensure_beside(log, topic)?;
        }
        let (log, ours) = (log.clone(), settings.clone());
        let thread = Supervised::start(format!("cdc-{}", settings.name()), move |shared| {
            once(&log, &ours, shared)
        })?;
        let capture = Self { settings, thread };
        if capture.settings.reads_again() {
            capture.wish(Wish::ReadAgain);
        }
        Ok(capture)
    }

    /// What it says of itself.
    pub fn status(&self) -> Status {
        self.thread.shared().look(|state| state.status.clone())
    }

    /// Why it has ended, if it has failed.
    pub fn failure(&self) -> Option<Error> {
        self.thread.failure()
    }

    /// Whether all that was committed before `end` is durable here, what was in the tables at first included. Who asks
    /// is waited for: it will be soon.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn has_reached(&self, end: &Place) -> Result<bool> {
        let has_reached = self.thread.shared().change(|state| {
            state.wanted = Some(Place::latest(state.wanted.take(), end.clone()));
            state.status.phase == Phase::Over || state.status.has_reached(end)
        });
        match self.failure() {
            Some(error) => Err(error),
            None => Ok(has_reached),
        }
    }

    /// Waits until [`has_reached`](Self::has_reached), or the time is over.
    ///
    /// # Errors
    /// Why it has failed.
    pub fn wait_for(&self, end: &Place, time: Duration) -> Result<bool> {
        self.thread.wait_until(time, || self.has_reached(end))
    }

    /// Waits until [`has_reached`](Self::has_reached), however long the server takes as long as it can be reached.
    ///
    /// # Errors
    /// `Unavailable` if it cannot be reached; why the capture has failed.
    pub fn wait_until(&self, end: &Place) -> Result<()> {
        while !self.wait_for(end, LOOK)? {
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
    /// `NotFound` if it is not captured, `Unavailable` if the capture does not stream, what is wrong with the condition.
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
        self.thread.shared().tell(|status| {
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
        self.thread.shared().change(|state| state.wishes.push(wish));
    }

    /// Stops it, and waits until it has.
    pub fn stop(self) {
        drop(self);
    }
}

/// The life of one connection.
fn once(log: &Log, settings: &Settings, shared: &Shared) -> Result<()> {
    let name = settings.name();
    let life = Life { log, name, shared };
    let ended = match settings {
        Settings::PostgreSql(of) => {
            let as_text = shared.look(|state| state.as_text);
            let of = postgres::Settings {
                binary: of.binary && !as_text,
                ..of.clone()
            };
            life.run(postgres::begin(log, &of)?)?
        }
        Settings::MySql(of) => life.run(mysql::begin(log, of)?)?,
    };
    match (ended, settings.on_loss()) {
        (Ended::Lost(why), OnLoss::Stop) => Err(why),
        (Ended::Lost(_), OnLoss::Backfill) => begin_anew(log, settings),
        (Ended::Over, _) => {
            if let Settings::PostgreSql(of) = settings {
                postgres::finish(log, of)?;
            }
            shared.finish(|state| state.status.phase = Phase::Over);
            Ok(())
        }
        (Ended::AsText, _) => {
            shared.change(|state| state.as_text = true);
            Ok(())
        }
        (Ended::Changed | Ended::Stopped, _) => Ok(()),
    }
}

/// Forgets everything, so that the next start reads the tables anew; what the server keeps goes too.
fn begin_anew(log: &Log, settings: &Settings) -> Result<()> {
    match settings {
        Settings::PostgreSql(of) => postgres::begin_anew(log, of),
        Settings::MySql(of) => mysql::begin_anew(log, of),
    }
}

/// Gives a capture up that does not run: the server keeps nothing for it any more. What is in its topics stays until it is
/// started again, when they are emptied and its tables are read anew.
///
/// # Errors
/// `Unavailable`; it goes on then when it is started again.
pub fn give_up(log: &Log, settings: &Settings) -> Result<()> {
    match log.position(&owner(settings.name())) {
        Some(_) => begin_anew(log, settings),
        None => Ok(()),
    }
}

/// What the life of one connection needs.
struct Life<'a> {
    log: &'a Log,
    name: &'a str,
    shared: &'a Shared,
}

impl Life<'_> {
    /// Streams until something ends it.
    fn run<F: Feed, R: Reads<Server = F::Server>>(self, begun: Begun<F, R>) -> Result<Ended> {
        match begun {
            Begun::Lost(why) => Ok(Ended::Lost(why)),
            Begun::Over => Ok(Ended::Over),
            Begun::Ready(ready) => {
                self.shared.begun();
                Stream::new(self.log, self.name, self.shared, *ready)?.run()
            }
        }
    }
}
