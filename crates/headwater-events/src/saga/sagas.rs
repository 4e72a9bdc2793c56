//! [`Sagas`]: starts sagas, moves them on, takes answers and the wishes of people.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use bytes::Bytes;
use headwater_log::{Clock, Timestamp};
use serde_json::Value;

use super::decide::{self, Advance, Given, Next};
use super::definition::{Definition, is_name};
use super::event::{Phase, SagaEvent};
use super::participant::{Answer, Call, Participant};
use super::state::SagaState;
use super::tracked::Active;
use super::{Step, journal};
use crate::error::{Conflict, Error, ErrorKind, Result};
use crate::event::Position;
use crate::store::{Append, Store};

/// Whose position says where the oldest saga began that has not ended.
const OWNER: &str = "sagas";
/// It is stored when it has moved so far.
const LOW_WATER_STEP: u64 = 1_000;

/// Whether a saga was started.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Started {
    /// It was, just now.
    Now,
    /// There is one of this id already.
    Before,
}

/// What became of an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answered {
    /// It was recorded.
    Recorded,
    /// It changes nothing: it came twice, too late, or to a call that is over.
    Ignored,
}

/// What a person wants of a saga.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Operation {
    /// The step that it is at is tried anew.
    Retry,
    /// The step that it is at is taken for done.
    Skip,
    /// What was done is taken back.
    Compensate {
        /// Why.
        reason: String,
    },
}

/// What a turn of [`Sagas`] found to do.
#[derive(Debug, Clone, PartialEq)]
pub enum SagaTurn {
    /// It is recorded that this call is about to be made: [make](Sagas::make) it.
    Call(Call),
    /// Something was recorded.
    Recorded,
    /// Nothing is to be done before this time, or before something new is recorded.
    Idle(Option<Timestamp>),
}

/// The sagas of a store. Cheap to share by reference; one process runs them, any may start and answer.
pub struct Sagas {
    store: Store,
    clock: Arc<dyn Clock>,
    definitions: RwLock<HashMap<String, Arc<Definition>>>,
    participants: RwLock<HashMap<String, Arc<dyn Participant>>>,
    active: Mutex<Option<Active>>,
    low_water: Mutex<u64>,
}

impl std::fmt::Debug for Sagas {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sagas")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

impl Sagas {
    /// The sagas of a store; the clock says when timers are due.
    pub fn new(store: Store, clock: Arc<dyn Clock>) -> Self {
        Self {
            store,
            clock,
            definitions: RwLock::default(),
            participants: RwLock::default(),
            active: Mutex::default(),
            low_water: Mutex::default(),
        }
    }

    /// The store that they are in.
    pub fn store(&self) -> &Store {
        &self.store
    }

    pub(super) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Whoever answers to this name in definitions.
    pub fn participant(&self, name: impl Into<String>, participant: impl Participant + 'static) {
        let mut all = self
            .participants
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(name.into(), Arc::new(participant));
    }

    /// Records a definition, so that sagas can be started by it.
    ///
    /// # Errors
    /// `Invalid`; `Conflict` if another definition of this name and version is recorded.
    pub async fn define(&self, definition: Definition) -> Result<()> {
        definition.check()?;
        journal::define(&self.store, &definition).await?;
        self.remember(definition);
        Ok(())
    }

    fn remember(&self, definition: Definition) -> Arc<Definition> {
        let definition = Arc::new(definition);
        let mut all = self
            .definitions
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        all.insert(definition.id(), Arc::clone(&definition));
        definition
    }

    /// The definition that a saga began with.
    async fn definition(&self, name: &str, version: u32) -> Result<Arc<Definition>> {
        let id = format!("{name}@{version}");
        let known = {
            let all = self
                .definitions
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            all.get(&id).cloned()
        };
        match known {
            Some(definition) => Ok(definition),
            None => Ok(self.remember(journal::defined(&self.store, name, version).await?)),
        }
    }

    /// Starts a saga by the newest version of a definition that is known here.
    ///
    /// # Errors
    /// `NotFound` if there is no such definition, `Invalid` if the id cannot be part of a key.
    pub async fn start(&self, definition: &str, id: &str, input: Value) -> Result<Started> {
        let version = {
            let all = self
                .definitions
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            let named = all.values().filter(|d| d.name == definition);
            named.map(|d| d.version).max()
        };
        let Some(version) = version else {
            let message = format!("there is no definition of saga {definition:?}");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        if !is_name(id) {
            return Err(Error::invalid(format!("{id:?} cannot be the id of a saga"))
                .with_hint("an id has letters, digits, - _ . and : only"));
        }
        let started = SagaEvent::Started {
            definition: definition.to_owned(),
            version,
            input,
        };
        match journal::append(&self.store, id, 0, &[started]).await {
            Ok(_) => Ok(Started::Now),
            Err(error) if is_race(&error) => Ok(Started::Before),
            Err(error) => Err(error),
        }
    }

    /// A saga as its journal says.
    ///
    /// # Errors
    /// `NotFound`, `Corrupt`, `Unavailable`.
    pub async fn show(&self, id: &str) -> Result<SagaState> {
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no saga {id:?}"));
        journal::load(&self.store, id).await?.ok_or_else(missing)
    }

    /// All sagas, in the order in which they were started.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn list(&self) -> Result<Vec<SagaState>> {
        let (mut states, mut places) = (Vec::<SagaState>::new(), HashMap::new());
        let mut from = Position(0);
        loop {
            let (entries, next, end) = journal::page(&self.store, from).await?;
            for entry in entries {
                let at = *places.entry(entry.saga.clone()).or_insert_with(|| {
                    states.push(SagaState::new(&entry.saga));
                    states.len() - 1
                });
                states[at].evolve(&entry.event, entry.at);
            }
            from = next;
            if from >= end {
                return Ok(states);
            }
        }
    }

    /// Takes the answer of a participant to the call of this key.
    ///
    /// # Errors
    /// `NotFound` if the key is of no saga; `Unavailable`.
    pub async fn answer(&self, key: &str, answer: Answer) -> Result<Answered> {
        self.answer_attempt(key, None, &answer).await
    }

    /// As [`answer`](Self::answer), to a known attempt.
    pub(super) async fn answer_attempt(
        &self,
        key: &str,
        attempt: Option<u32>,
        answer: &Answer,
    ) -> Result<Answered> {
        let Some((id, _, _)) = decide::parse_key(key) else {
            let message = format!("{key:?} is the key of no call");
            return Err(Error::new(ErrorKind::NotFound, message));
        };
        let given = Given {
            key,
            attempt,
            answer,
        };
        let decide = |definition: &Definition, state: &SagaState| {
            Ok(decide::answered(definition, state, &given, self.now()))
        };
        let changed = self.change(id, decide).await?;
        Ok(match changed {
            true => Answered::Recorded,
            false => Answered::Ignored,
        })
    }

    /// Does what a person wants of a saga.
    ///
    /// # Errors
    /// `NotFound`; `Invalid` if it cannot be done in the state that the saga is in.
    pub async fn operate(&self, id: &str, operation: Operation) -> Result<()> {
        let decide = |definition: &Definition, state: &SagaState| {
            decide::operate(definition, state, &operation, self.now()).map(Some)
        };
        self.change(id, decide).await.map(drop)
    }

    /// Loads a saga, decides, records; once more if somebody else was faster.
    async fn change(
        &self,
        id: &str,
        decide: impl Fn(&Definition, &SagaState) -> Result<Option<SagaEvent>>,
    ) -> Result<bool> {
        loop {
            let state = self.show(id).await?;
            let definition = self.definition(&state.definition, state.version).await?;
            let Some(event) = decide(&definition, &state)? else {
                return Ok(false);
            };
            match journal::append(&self.store, id, state.events, &[event]).await {
                Ok(_) => return Ok(true),
                Err(error) if is_race(&error) => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Makes a call that a turn gave, and records the answer.
    ///
    /// # Errors
    /// `Unavailable`; the call is made again then.
    pub async fn make(&self, call: &Call) -> Result<Answered> {
        let step = self.show(&call.saga).await?;
        let definition = self.definition(&step.definition, step.version).await?;
        let name = definition
            .step_named(&call.step)
            .map(|s| s.participant.as_str());
        let participant = name.and_then(|name| {
            let all = self
                .participants
                .read()
                .unwrap_or_else(PoisonError::into_inner);
            all.get(name).cloned()
        });
        let answer = match participant {
            Some(participant) => participant.call(call).await,
            None => Answer::Failed("its participant is gone".to_owned()),
        };
        match answer {
            Answer::Later => Ok(Answered::Ignored),
            answer => {
                self.answer_attempt(&call.key, Some(call.attempt), &answer)
                    .await
            }
        }
    }

    fn active(&self) -> MutexGuard<'_, Option<Active>> {
        self.active.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads what is new, and does the next thing that is to be done. Called by one runner at a time.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub async fn turn(&self) -> Result<SagaTurn> {
        self.read_news().await?;
        loop {
            let (now, saga) = {
                let mut active = self.active();
                let now = self.now();
                let saga = active.as_mut().and_then(|a| a.next_ready(now));
                (now, saga)
            };
            let Some(saga) = saga else {
                self.store_low_water().await?;
                let active = self.active();
                return Ok(SagaTurn::Idle(active.as_ref().and_then(Active::next_due)));
            };
            match self.look_at(&saga, now).await {
                Ok(Some(turn)) => return Ok(turn),
                Ok(None) => {}
                Err(error) => {
                    self.with_active(|active| active.look_at(saga));
                    return Err(error);
                }
            }
        }
    }

    /// How many sagas have not ended, and how many of them wait for a person; as of the last turn.
    pub fn counts(&self) -> (usize, usize) {
        self.active().as_ref().map_or((0, 0), Active::counts)
    }

    /// Everything before this was read by turns.
    pub(super) fn read_to(&self) -> Position {
        self.active().as_ref().map_or(Position(0), |a| a.read_to)
    }

    fn with_active(&self, change: impl FnOnce(&mut Active)) {
        if let Some(active) = self.active().as_mut() {
            change(active);
        }
    }

    async fn read_news(&self) -> Result<()> {
        let known = self.active().as_ref().map(|a| a.read_to);
        let mut from = match known {
            Some(from) => from,
            None => self.begin().await?,
        };
        loop {
            let (entries, next, end) = journal::page(&self.store, from).await?;
            self.with_active(|active| active.take(entries, next));
            from = next;
            if from >= end {
                return Ok(());
            }
        }
    }

    /// Begins where the oldest saga began that had not ended.
    async fn begin(&self) -> Result<Position> {
        let stored = self.store.events().positions(OWNER).await?;
        let stored = stored.into_iter().find(|(owner, _)| owner == OWNER);
        let text = stored.and_then(|(_, value)| String::from_utf8(value.to_vec()).ok());
        let from = Position(text.and_then(|t| t.parse().ok()).unwrap_or(0));
        *self.active() = Some(Active::beginning_at(from));
        *self
            .low_water
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = from.0;
        Ok(from)
    }

    async fn store_low_water(&self) -> Result<()> {
        let now = self.active().as_ref().map_or(0, |a| a.low_water().0);
        let stored = *self
            .low_water
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if now < stored + LOW_WATER_STEP {
            return Ok(());
        }
        let value = Bytes::from(now.to_string());
        self.store
            .append(Append::new().position(OWNER, value))
            .await?;
        *self
            .low_water
            .lock()
            .unwrap_or_else(PoisonError::into_inner) = now;
        Ok(())
    }

    /// Does what a saga needs; `None`: nothing now.
    async fn look_at(&self, saga: &str, now: Timestamp) -> Result<Option<SagaTurn>> {
        let Some(mut state) = self
            .active()
            .as_ref()
            .and_then(|a| Some(a.get(saga)?.state.clone()))
        else {
            return Ok(None);
        };
        let definition = self.definition(&state.definition, state.version).await?;
        let before = state.events;
        let advance = decide::advance(&definition, &mut state, now, &|step| self.has(step));
        if advance.events.is_empty() {
            return Ok(self.rest(&definition, &state, now));
        }
        let Advance { events, call } = advance;
        match journal::append(&self.store, saga, before, &events).await {
            Ok(appended) => {
                let seen = appended.position.unwrap_or_default();
                self.with_active(|active| {
                    active.set(state, seen);
                    active.look_at(saga.to_owned());
                    if let Some(call) = &call {
                        active.called.insert((call.key.clone(), call.attempt));
                    }
                });
                Ok(Some(call.map_or(SagaTurn::Recorded, SagaTurn::Call)))
            }
            // Somebody else was faster; it will be looked at when that is read.
            Err(error) if is_race(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Nothing is to be recorded: a call that this process has not made is made again, else it is waited.
    fn rest(&self, definition: &Definition, state: &SagaState, now: Timestamp) -> Option<SagaTurn> {
        let due = match decide::next(definition, state, now) {
            Next::Wait(time) => Some(time),
            Next::Answer {
                step,
                phase,
                deadline,
            } => {
                if let Some(call) = self.unmade(step, phase, state) {
                    self.with_active(|active| active.look_at(state.id.clone()));
                    return Some(SagaTurn::Call(call));
                }
                Some(deadline)
            }
            Next::Record(_) | Next::Call(..) | Next::Nothing => None,
        };
        self.with_active(|active| active.wake_at(&state.id, due));
        None
    }

    /// The call that was recorded before this process began, and may have been lost with the one before.
    fn unmade(&self, step: &Step, phase: Phase, state: &SagaState) -> Option<Call> {
        let call = decide::repeat(step, phase, state)?;
        let mut active = self.active();
        let new = active
            .as_mut()?
            .called
            .insert((call.key.clone(), call.attempt));
        (new && self.has(step)).then_some(call)
    }

    fn has(&self, step: &Step) -> bool {
        let all = self
            .participants
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        all.contains_key(&step.participant)
    }
}

/// Whether somebody else was faster.
fn is_race(error: &Error) -> bool {
    matches!(error.conflict(), Some(Conflict::Version { .. }))
}
