//! Event stores, for commands.

mod answer;
mod entity;
mod project;
mod run_sagas;
mod sagas;
mod stream;

pub(super) use answer::answer;
