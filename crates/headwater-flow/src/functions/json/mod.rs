//! Functions of JSON documents: what is in them, and how they are made.

mod read;
mod write;

pub(super) use read::SPECS as READ;
pub(super) use write::SPECS as WRITE;
