//! `headwater stream|entity|projection|saga …`: the event stores of a data directory.

mod append;
mod args;
mod request;
mod times;
mod verbs;

pub(crate) use args::{EntityArgs, ProjectionArgs, SAGAS, SagaArgs, StreamArgs};
pub(crate) use request::{At, EventLine, EventsRequest, Expected, SagaStart, SagaWish, Until};
pub(crate) use verbs::{entity, projection, saga, stream};
