//! Event sourcing on the log: event stores, aggregates, projections, replicas, sagas and erasure.
//!
//! A [`Store`] is a handle on an [`EventStore`], of which there is one on the log, [`LogStore`]. The design and the laws
//! stand in `docs/design/0010-events.md`.

mod aggregate;
mod embedded;
mod erasure;
mod error;
mod event;
pub mod kit;
mod projection;
mod replica;
mod saga;
mod store;
mod task;
mod typed;

#[cfg(feature = "bench")]
pub mod bench;
#[cfg(feature = "contract")]
pub mod contract;
#[cfg(feature = "postgres")]
pub mod postgres;

pub use aggregate::{
    Boundary, Decide, Execute, ExecuteError, Executed, Loaded, LogSnapshots, MemorySnapshots,
    NoSnapshots, Snapshot, Snapshots, Snapshotting, Source, State, States,
};
pub use embedded::LogStore;
pub use erasure::{FileKeys, Key, Keys, MemoryKeys, Personal, Vault};
pub use error::{Conflict, Error, ErrorKind, Result};
pub use event::{Id, NewEvent, Position, Recorded};
pub use headwater_log::{Query, QueryItem, Timestamp, Version};
pub use projection::{
    Batch, BoxError, Delivery, Handler, HandlerView, LogView, Parked, Progress, ProjectionId,
    ProjectionInfo, Projector, Rebuilding, Running, Status, Turn, View, ask_for_rebuild,
    projections, swap,
};
pub use replica::{Change, Feed, FeedPage, Publisher, Replica, ReplicaStatus, TopicFeed};
#[cfg(feature = "http")]
pub use saga::HttpParticipant;
pub use saga::{
    Answer, Answered, Attempt, AttemptResult, Call, Definition, Mode, Operation, Participant,
    ParticipantAddress, Phase, PhaseState, PhaseStatus, Presence, Replies, Retry, SagaEvent,
    SagaList, SagaRunner, SagaState, SagaTurn, Sagas, Started, Step, StepState, StreamParticipant,
    TopicParticipant,
};
pub use store::{
    Append, Appended, Condition, Direction, EventStore, Expected, Filter, Lifecycle, Page, ReadAll,
    ReadStream, Store, StreamInfo, Subscription, Until, Visitor, Write,
};
pub use task::{Task, block_on};
pub use typed::{Event, Shape, Shaped};
