//! `headwater cdc`: tables of databases into topics, without SQL.

mod args;
mod config;
mod filtered;
mod outbox;
mod verbs;

pub(crate) use args::CdcArgs;
pub(crate) use config::{ours, settings};
pub(crate) use outbox::outbox;
pub(crate) use verbs::cdc;
