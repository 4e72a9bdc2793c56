//! Answers to requests, by the process that has the data directory open.

mod consume;
mod jobs;
mod kept;
mod open;
mod printed;
mod produce;
mod run;
mod sql;
mod topics;

pub(crate) use open::Host;
