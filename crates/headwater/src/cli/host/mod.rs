//! Answers to requests, by the process that has the data directory open.

mod consume;
mod open;
mod produce;
mod sql;
mod topics;

pub(crate) use open::Host;
