//! `headwater bench`: this machine's figures, as rows. What has a reference on the same machine is measured in turns with
//! it, so that a ratio does not depend on what else the machine was doing.

mod cdc;
mod command;
mod disk;
mod engine;
mod events;
mod figure;
mod keys;
mod latency;
mod log;
mod memory;
mod reopen;
mod server;
mod state;

pub(crate) use command::run;
pub(crate) use memory::{cpu_seconds, peak_mib};
pub(crate) use reopen::fill;
pub(crate) use state::hold;
