//! The journal of a saga: what was tried, and what came of it.

use headwater_log::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::typed::Event;

/// Whether a step is done or taken back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Phase {
    /// It is done.
    Do,
    /// It is taken back.
    Undo,
}

impl Phase {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Do => "do",
            Self::Undo => "undo",
        }
    }
}

/// What happens to a saga.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum SagaEvent {
    /// A definition may be used from now on.
    #[serde(rename = "$saga.defined")]
    Defined {
        /// The definition.
        definition: super::Definition,
    },
    /// The saga begins.
    #[serde(rename = "$saga.started")]
    Started {
        /// Name of its definition.
        definition: String,
        /// Version of its definition.
        version: u32,
        /// What it is given.
        input: Value,
    },
    /// A participant is about to be called.
    #[serde(rename = "$saga.attempted")]
    Attempted {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
        /// Which attempt, from 1.
        attempt: u32,
        /// The key under which the participant has one effect, however often it is called.
        key: String,
        /// What the participant is given.
        input: Value,
        /// Until when an answer is waited for.
        deadline: Timestamp,
    },
    /// The participant has done it.
    #[serde(rename = "$saga.succeeded")]
    Succeeded {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
        /// What the participant gave.
        output: Value,
    },
    /// The attempt came to nothing, or nobody knows to what.
    #[serde(rename = "$saga.failed")]
    Failed {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
        /// What went wrong.
        error: String,
        /// When it is tried again; `None`: not any more.
        retry_at: Option<Timestamp>,
    },
    /// The participant says no, and has had no effect.
    #[serde(rename = "$saga.refused")]
    Refused {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
        /// Why.
        error: String,
    },
    /// From now on steps are taken back.
    #[serde(rename = "$saga.compensating")]
    Compensating {
        /// Why.
        reason: String,
    },
    /// A person says that a step is to be taken for done.
    #[serde(rename = "$saga.skipped")]
    Skipped {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
    },
    /// A person says that a step is to be tried anew.
    #[serde(rename = "$saga.retried")]
    Retried {
        /// The step.
        step: String,
        /// Done or taken back.
        phase: Phase,
    },
    /// A step cannot be taken back: a person is needed.
    #[serde(rename = "$saga.parked")]
    Parked {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// All steps are done.
    #[serde(rename = "$saga.completed")]
    Completed,
    /// All that was done is taken back.
    #[serde(rename = "$saga.compensated")]
    Compensated,
}

impl Event for SagaEvent {}
