//! A session: turns parsed statements into what is to be done, against the catalogue and its own temporary objects.

mod create;
mod create_view;
mod described;
mod drop;
mod insert;
mod jobs;
mod names;
mod planned;
mod settings;
mod settle;
mod show;
mod state;
mod uses;
mod written;

pub use planned::{Planned, PlannedOutput, PlannedPipeline, PlannedQuery};
pub use state::Session;
