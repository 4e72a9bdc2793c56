//! Moving sagas on: one turn reads what is new and does the next thing that is to be done.

use std::sync::atomic::Ordering;
use std::sync::{MutexGuard, PoisonError};

use bytes::Bytes;
use headwater_log::Timestamp;

use super::change::Answered;
use super::decide::{self, Advance, Next};
use super::definition::{Definition, Step};
use super::event::Phase;
use super::journal;
use super::participant::{Answer, Call};
use super::sagas::{Sagas, is_race};
use super::state::SagaState;
use super::tracked::Active;
use crate::error::Result;
use crate::event::Position;
use crate::store::Append;

/// Whose position says where the oldest saga began that has not ended.
const OWNER: &str = "sagas";
/// It is stored when it has moved so far.
const LOW_WATER_STEP: u64 = 1_000;

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

impl Sagas {
    /// Makes a call that a turn gave, and records the answer.
    ///
    /// # Errors
    /// `Unavailable`; the call is made again then.
    pub async fn make(&self, call: &Call) -> Result<Answered> {
        let saga = self.show(&call.saga).await?;
        let definition = self.definition(&saga.definition, saga.version).await?;
        let step = definition.step_named(&call.step);
        let participant = step.and_then(|step| self.participant_of(step));
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
        self.is_idle.store(false, Ordering::SeqCst);
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
                self.is_idle.store(true, Ordering::SeqCst);
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

    /// Whether all sagas by a definition that were started before the last turn have ended or wait for a person.
    pub fn is_at_rest(&self, definition: &str) -> bool {
        let rest = || self.active().as_ref().is_some_and(|a| a.rest(definition));
        self.is_idle.load(Ordering::SeqCst) && rest()
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
}
