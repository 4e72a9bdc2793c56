//! `system.…`: what goes on in the event stores of a data directory, as tables of SQL. They can be asked, not followed.

mod projections;
mod rows;
mod sagas;
mod stores;
mod tables;

pub(crate) use tables::{definitions, read};

/// The connector that the definitions name; nobody registers it.
pub(crate) const CONNECTOR: &str = "system";
