//! Participants: whoever does the steps of sagas.

use std::fmt::Display;
use std::pin::Pin;

use headwater_log::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::event::Phase;
use crate::aggregate::{ExecuteError, Executed};

/// What is asked of a participant.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// Id of the saga.
    pub saga: String,
    /// Name of its definition.
    pub definition: String,
    /// The step.
    pub step: String,
    /// Done or taken back.
    pub phase: Phase,
    /// What is to be done.
    pub action: String,
    /// Under this key there is one effect, however often the call is made: another call of the same key gets the first one's
    /// answer. A call that takes back may come although the one that does never came, or comes later.
    pub key: String,
    /// What it is done with.
    pub input: Value,
    /// Which attempt, from 1.
    pub attempt: u32,
    /// Until when an answer is waited for.
    pub deadline: Timestamp,
}

/// What a participant says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Answer {
    /// It is done; what later steps may need.
    Done(Value),
    /// No, and never: there was no effect. What was done before is taken back.
    Refused(String),
    /// It came to nothing, or nobody knows: it is tried again.
    Failed(String),
    /// The answer comes later, through [`Sagas::answer`](super::Sagas::answer).
    Later,
}

impl Answer {
    /// What became of a command, as an answer: what the domain says against it is a refusal, anything else is tried again.
    pub fn of<E: Display>(executed: Result<Executed, ExecuteError<E>>) -> Self {
        match executed {
            Ok(done) => Self::Done(json!({ "position": done.position })),
            Err(ExecuteError::Domain(error)) => Self::Refused(error.to_string()),
            Err(error) => Self::Failed(error.to_string()),
        }
    }
}

/// Whoever does steps of sagas: an aggregate, an endpoint, a service. A function from a [`Call`] to a future is one.
///
/// ```
/// use headwater_events::{Answer, Call, Participant, block_on};
/// # use headwater_events::Phase;
/// # use headwater_log::Timestamp;
/// let stock = |call: Call| async move {
///     match call.action.as_str() {
///         "reserve" => Answer::Done(serde_json::json!({"reservation": call.key})),
///         other => Answer::Refused(format!("cannot {other}")),
///     }
/// };
/// # let call = Call { saga: "1".into(), definition: "order".into(), step: "reserve".into(), phase: Phase::Do,
/// #     action: "reserve".into(), key: "1/reserve/do".into(), input: ().into(), attempt: 1, deadline: Timestamp(0) };
/// assert!(matches!(block_on(stock.call(&call)), Answer::Done(_)));
/// ```
pub trait Participant: Send + Sync {
    /// Does what is asked, once a key.
    fn call<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>>;
}

impl<F, T> Participant for F
where
    F: Fn(Call) -> T + Send + Sync,
    T: Future<Output = Answer> + Send + 'static,
{
    fn call<'a>(&'a self, call: &'a Call) -> Pin<Box<dyn Future<Output = Answer> + Send + 'a>> {
        Box::pin(self(call.clone()))
    }
}
