//! What others do to sagas: participants answer, people retry, skip and compensate.

use super::decide::{self, Given};
use super::definition::Definition;
use super::event::SagaEvent;
use super::journal;
use super::participant::Answer;
use super::sagas::{Sagas, is_race};
use super::state::SagaState;
use crate::error::{Error, ErrorKind, Result};

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

impl Sagas {
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
}
