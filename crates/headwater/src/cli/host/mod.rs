//! Answers to requests, by the process that has the data directory open.

mod consume;
mod open;
mod produce;
mod topics;

pub(crate) use open::Host;
