//! Functions of JSON documents: what is in them, and how they are made.

mod join;
mod read;
mod write;

pub(super) use join::SPECS as JOIN;
pub(super) use read::SPECS as READ;
pub(super) use write::SPECS as WRITE;
