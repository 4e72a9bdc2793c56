//! Opening a log: the checkpoint, then the frames of the write-ahead log after it. Nothing else is read, whatever
//! the log's size, and nothing is deleted because something that should name it is missing.
//!
//! [`opening`] is the order of things, [`restore`] what the checkpoint says, [`chain`] the write-ahead files that go on
//! from there, [`replay`] what their frames say.

mod chain;
mod damage;
mod opening;
mod replay;
mod restore;

pub(crate) use opening::{has_files, open, replay, scan_files};
