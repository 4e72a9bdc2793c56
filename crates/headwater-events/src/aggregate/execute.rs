//! Executing a command: load, decide, store, and once more if somebody else was faster.

use std::pin::Pin;

use bytes::Bytes;
use headwater_log::Version;

use super::decide::Decide;
use super::load::{Loaded, load, load_at};
use super::state::State;
use super::states::{Boundary, States};
use crate::error::{Conflict, Error};
use crate::event::{Id, NewEvent, Position, Recorded};
use crate::store::{Append, Appended, Expected, Filter, Store, Until, Write};
use crate::typed::Event;

/// How often a command is decided before its conflict is given back.
const ATTEMPTS: u32 = 16;

/// Why a command was not executed.
#[derive(Debug, thiserror::Error)]
pub enum ExecuteError<E> {
    /// The domain says no.
    #[error("{0}")]
    Domain(E),
    /// Others were faster each time it was decided.
    #[error("{0}")]
    Conflict(#[source] Error),
    /// The store could not read or append.
    #[error("{0}")]
    Store(#[from] Error),
}

impl<E> ExecuteError<E> {
    /// What the domain says, if it was that.
    pub fn domain(self) -> Option<E> {
        match self {
            Self::Domain(error) => Some(error),
            _ => None,
        }
    }
}

/// What became of a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Executed {
    /// The place of its last event: what a projection can be waited for; `None`: nothing happened.
    pub position: Option<Position>,
    /// The version of the (first) state's stream after it, if it got events and they were stored just now.
    pub version: Option<Version>,
    /// Whether it had been executed before, under the same command id.
    pub repeated: bool,
}

/// A command that is executed when it is awaited.
#[must_use = "a command is executed when it is awaited"]
pub struct Execute<'a, D: Decide> {
    store: &'a Store,
    ids: <D::State as States>::Ids<'a>,
    command: D,
    command_id: Option<Id>,
    correlation: Option<Id>,
    causation: Option<Id>,
    metadata: Option<Bytes>,
    attempts: u32,
}

impl Store {
    /// Executes a command on the aggregate with this id, or on several.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn execute<'a, D: Decide>(
        &'a self,
        ids: <D::State as States>::Ids<'a>,
        command: D,
    ) -> Execute<'a, D> {
        Execute {
            store: self,
            ids,
            command,
            command_id: None,
            correlation: None,
            causation: None,
            metadata: None,
            attempts: ATTEMPTS,
        }
    }

    /// A state as it is.
    ///
    /// # Errors
    /// `Corrupt` if an event cannot be read, `NotFound` if its stream was deleted, `Unavailable`.
    pub async fn load<S: State>(&self, id: &str) -> Result<Loaded<S>, Error> {
        load(self, id, None).await
    }

    /// A state as it was at a version or at a time.
    ///
    /// # Errors
    /// As [`load`](Self::load); `Invalid` if it is not made of one stream.
    pub async fn load_at<S: State>(&self, id: &str, until: Until) -> Result<Loaded<S>, Error> {
        load_at(self, id, until).await
    }
}

impl<D: Decide> Execute<'_, D> {
    /// Names the command: under one name it is executed once for its (first) state, however often it is tried.
    pub fn command_id(mut self, id: impl Into<Id>) -> Self {
        self.command_id = Some(id.into());
        self
    }

    /// Names the conversation that its events are part of.
    pub fn correlation(mut self, id: impl Into<Id>) -> Self {
        self.correlation = Some(id.into());
        self
    }

    /// Names the event that it answers: its events continue that one's conversation.
    pub fn caused_by(mut self, event: &Recorded) -> Self {
        let cause = event.reference();
        self.correlation = Some(event.correlation.clone().unwrap_or_else(|| cause.clone()));
        self.causation = Some(cause);
        self
    }

    /// Keeps a JSON object with each of its events.
    pub fn metadata(mut self, json: impl Into<Bytes>) -> Self {
        self.metadata = Some(json.into());
        self
    }

    /// How often it is decided, at most, before a conflict is given back; at least once.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.attempts = attempts.max(1);
        self
    }

    async fn run(self) -> Result<Executed, ExecuteError<D::Error>> {
        let home = D::State::home(self.ids);
        let key = self.command_id.as_ref().map(|id| format!("{home}/{id}"));
        if let Some(key) = &key
            && let Some(before) = find(self.store, key).await?
        {
            return Ok(before);
        }
        let mut last = None;
        for _ in 0..self.attempts {
            let (state, boundary) = D::State::load(self.store, self.ids).await?;
            let events = self.command.decide(&state).map_err(ExecuteError::Domain)?;
            if events.is_empty() {
                return Ok(Executed {
                    position: None,
                    version: None,
                    repeated: false,
                });
            }
            let append = self.append(&home, &events, boundary, key.clone())?;
            let at = append.writes.iter().position(|w| w.stream == home);
            match self.store.append(append).await {
                Ok(appended) => return Ok(executed(&appended, at)),
                Err(error) if is_race(&error) => last = Some(error),
                Err(error) => return Err(error.into()),
            }
        }
        Err(match last {
            Some(error) => ExecuteError::Conflict(error),
            None => ExecuteError::Store(Error::invalid("a command is decided at least once")),
        })
    }

    fn append(
        &self,
        home: &str,
        events: &[D::Event],
        boundary: Vec<Boundary>,
        key: Option<Id>,
    ) -> Result<Append, Error> {
        let mut append = Append {
            key,
            ..Append::default()
        };
        for event in events {
            let stream = self.command.stream(event);
            let stream = stream.as_deref().unwrap_or(home);
            let new = self.dress(event.to_new()?);
            match append.writes.iter_mut().find(|w| w.stream == stream) {
                Some(write) => write.events.push(new),
                None => append.writes.push(Write {
                    stream: stream.to_owned(),
                    expected: Expected::Any,
                    events: vec![new],
                    lifecycle: None,
                }),
            }
        }
        boundary.into_iter().for_each(|b| b.guard(&mut append));
        Ok(append)
    }

    fn dress(&self, mut event: NewEvent) -> NewEvent {
        event.correlation.clone_from(&self.correlation);
        let causation = self.causation.as_ref().or(self.command_id.as_ref());
        event.causation = causation.cloned();
        event.metadata.clone_from(&self.metadata);
        event
    }
}

impl<'a, D: Decide + 'a> IntoFuture for Execute<'a, D> {
    type Output = Result<Executed, ExecuteError<D::Error>>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.run())
    }
}

/// What became of the append of this key, if there was one.
async fn find(store: &Store, key: &str) -> Result<Option<Executed>, Error> {
    let filter = Filter::all().tags([format!("$key:{key}")]);
    let page = store.read_all(Position(0), filter, 1).await?;
    Ok(page.events.first().map(|event| Executed {
        position: Some(event.position),
        version: None,
        repeated: true,
    }))
}

fn executed(appended: &Appended, home: Option<usize>) -> Executed {
    Executed {
        position: appended.position,
        version: home.and_then(|at| appended.versions.get(at).copied().flatten()),
        repeated: appended.repeated,
    }
}

/// Whether somebody else was faster, so that it is worth deciding again.
fn is_race(error: &Error) -> bool {
    matches!(
        error.conflict(),
        Some(Conflict::Version { .. } | Conflict::Query { .. })
    )
}
