//! `system.…`: what goes on in a data directory, its log and its event stores, as tables of SQL. They can be asked, not followed.

#[cfg(feature = "postgres")]
mod elsewhere;
mod log;
mod projections;
mod rows;
mod sagas;
mod stores;
mod tables;

#[cfg(feature = "postgres")]
pub(crate) use elsewhere::Elsewhere;
pub(crate) use sagas::Journals;
pub(crate) use tables::{definitions, read};

/// The connector that the definitions name; nobody registers it.
pub(crate) const CONNECTOR: &str = "system";
