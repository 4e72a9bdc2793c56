//! `system.…`: what goes on in a data directory, its log and its event stores, as tables of SQL. They can be asked, not followed.

mod log;
mod projections;
mod rows;
mod sagas;
mod stores;
mod tables;

pub(crate) use tables::{definitions, read};

/// The connector that the definitions name; nobody registers it.
pub(crate) const CONNECTOR: &str = "system";
