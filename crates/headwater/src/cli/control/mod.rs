//! The Unix socket `DIR/control`, through which the process that has a data directory open serves other commands, and
//! the same conversation within a process.
//!
//! A connection carries requests one after the other. A frame is a big-endian `u32` length, a kind byte and so many
//! bytes less one: JSON, or rows as an Arrow IPC stream. See `docs/formats/control.md`.

mod client;
mod connection;
mod frame;
mod server;
mod socket;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "tests")]
mod tests;
mod wire;

pub(crate) use client::{Asked, Client};
pub(crate) use server::Server;
