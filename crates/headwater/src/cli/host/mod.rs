//! Answers to requests, by the process that has the data directory open.

mod cdc;
mod cdc_status;
mod consume;
mod events;
mod jobs;
mod kept;
mod open;
mod outbox;
mod printed;
mod printed_rows;
mod produce;
mod run;
mod sql;
mod topics;

pub(crate) use open::Host;
