//! Sagas: processes over several participants, event-sourced, with retries, timeouts and compensations.
//!
//! What happens next is *decided* by pure functions of the definition, the folded journal and the time (`decide`); it is
//! *done* by [`Sagas`], which records each attempt before it is made and each answer before anything follows from it.

mod decide;
mod definition;
mod duration;
mod event;
#[cfg(feature = "http")]
mod http;
mod journal;
mod participant;
mod runner;
mod sagas;
mod state;
mod template;
mod topic;
mod tracked;

pub use definition::{Definition, ParticipantAddress, Retry, Step};
pub use event::{Phase, SagaEvent};
#[cfg(feature = "http")]
pub use http::HttpParticipant;
pub use participant::{Answer, Call, Participant};
pub use runner::SagaRunner;
pub use sagas::{Answered, Operation, SagaTurn, Sagas, Started};
pub use state::{Attempt, AttemptResult, Mode, PhaseState, PhaseStatus, SagaState, StepState};
pub use topic::{Replies, TopicParticipant};
