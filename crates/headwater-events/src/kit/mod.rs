//! The test kit: given, when, then for deciders, projections and sagas, in memory, with a clock that the test moves.

mod decider;
mod desk;
mod world;

pub use decider::{Given, Outcome, given};
pub use desk::SagaDesk;
pub use world::World;
