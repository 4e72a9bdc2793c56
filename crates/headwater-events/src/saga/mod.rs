//! Sagas: processes over several participants, event-sourced, with retries, timeouts and compensations.
//!
//! What happens next is *decided* by pure functions of the definition, the folded journal and the time (`decide`); it is
//! *done* by [`Sagas`], which records each attempt before it is made and each answer before anything follows from it.

mod change;
mod connect;
mod decide;
mod definition;
mod duration;
mod event;
#[cfg(feature = "http")]
mod http;
mod journal;
mod list;
mod participant;
mod runner;
mod sagas;
mod state;
mod stream;
mod template;
mod topic;
mod tracked;
mod turn;

pub use change::{Answered, Operation};
pub use definition::{Definition, ParticipantAddress, Retry, Step};
pub use event::{Phase, SagaEvent};
#[cfg(feature = "http")]
pub use http::HttpParticipant;
pub use list::SagaList;
pub use participant::{Answer, Call, Participant};
pub use runner::SagaRunner;
pub use sagas::{Sagas, Started};
pub use state::{Attempt, AttemptResult, Mode, PhaseState, PhaseStatus, SagaState, StepState};
pub use stream::{Presence, StreamParticipant};
pub use topic::{Replies, TopicParticipant};
pub use turn::SagaTurn;
