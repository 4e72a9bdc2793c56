//! Participants that are entities of an event store: a call is an event.

use std::pin::Pin;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::Phase;
use super::participant::{Answer, Call, Participant};
use crate::error::{Conflict, Error, ErrorKind};
use crate::event::NewEvent;
use crate::store::{Append, Expected, Store};

/// Type of the event that stands in the place of a step that was taken back before it came, so that it has no effect if it
/// still comes.
const VOID: &str = "$saga.void";

/// What an entity must be for a step to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Presence {
    /// Anything.
    #[default]
    Any,
    /// It has events.
    Exists,
    /// It has none.
    None,
}

/// The entities of an event store. A call appends one event, whose type is the action and whose data are the input, to the
/// entity that a field of the input names; once a step, however often it is called.
#[derive(Debug)]
pub struct StreamParticipant {
    store: Store,
    key: String,
    presence: Presence,
}

impl StreamParticipant {
    /// The entities of a store; `key` is the field of the input that names one.
    pub fn new(store: Store, key: impl Into<String>) -> Self {
        Self {
            store,
            key: key.into(),
            presence: Presence::Any,
        }
    }

    /// What an entity must be, else a step is refused. Steps are taken back whatever it is.
    #[must_use]
    pub fn presence(mut self, presence: Presence) -> Self {
        self.presence = presence;
        self
    }

    /// The entity that a call is about. What is taken back without an input of its own has that of the step.
    fn entity<'a>(&self, call: &'a Call) -> Option<&'a str> {
        let named = |input: &'a Value| input.get(&self.key)?.as_str();
        named(&call.input).or_else(|| match call.phase {
            Phase::Undo => call.input.get("input").and_then(named),
            Phase::Do => None,
        })
    }

    async fn append(&self, call: &Call) -> Result<Answer, Error> {
        let Some(entity) = self.entity(call) else {
            let text = format!("input has no text {:?} that names an entity", self.key);
            return Ok(Answer::Refused(text));
        };
        if call.phase == Phase::Undo {
            self.void(call, entity).await?;
        }
        let expected = match (call.phase, self.presence) {
            (Phase::Undo, _) | (_, Presence::Any) => Expected::Any,
            (Phase::Do, Presence::Exists) => Expected::Exists,
            (Phase::Do, Presence::None) => Expected::NoStream,
        };
        let event = NewEvent::json(&call.action, &call.input)?
            .correlation(&call.saga)
            .causation(&call.key);
        let append = Append::new().to(entity, expected, [event]);
        let appended = self.store.append(append.key(key(call, call.phase))).await?;
        let version = appended.versions.first().copied().flatten();
        Ok(Answer::Done(json!({
            "position": appended.position,
            "version": version.map(|v| v.0),
        })))
    }

    /// Sees to it that the step has happened, or never will.
    async fn void(&self, call: &Call, entity: &str) -> Result<(), Error> {
        let void = NewEvent::new(VOID, "{}").correlation(&call.saga);
        let append = Append::new().to(entity, Expected::Any, [void]);
        let append = append.key(key(call, Phase::Do));
        self.store.events().append(append).await.map(drop)
    }
}

/// The key of a step's event. A step that was refused has left no event, so when it is begun anew the key is the same.
fn key(call: &Call, phase: Phase) -> String {
    format!("{}/{}/{}", call.saga, call.step, phase.name())
}

/// What the store says against a call.
fn refusal(error: &Error) -> Answer {
    let is_about_entity = matches!(
        error.conflict(),
        Some(Conflict::Version { .. } | Conflict::Closed { .. })
    );
    match is_about_entity || error.kind() == ErrorKind::Invalid {
        true => Answer::Refused(error.to_string()),
        false => Answer::Failed(error.to_string()),
    }
}

impl Participant for StreamParticipant {
    fn call<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(async move {
            let answered = self.append(call).await;
            answered.unwrap_or_else(|error| refusal(&error))
        })
    }
}
