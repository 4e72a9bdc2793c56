//! The command line: what a person types, sees and scripts. Data goes to standard output, everything else to
//! standard error. Only this part of the crate reads arguments, the environment and the machine's clock.
//!
//! A command is a [`request::Request`] that a [`session::Session`] answers: from its own process, or through the
//! control socket of the process that has the data directory open. Both ways run the same code, [`host`].

mod args;
mod bench;
mod cdc;
mod check;
mod control;
mod demo;
mod events;
mod exit;
mod host;
mod interrupt;
mod limit;
mod offsets;
mod output;
mod reference;
mod request;
mod run;
mod session;
mod shell;
mod start;
mod style;
mod topic;
mod verify;

pub(crate) use start::main;
