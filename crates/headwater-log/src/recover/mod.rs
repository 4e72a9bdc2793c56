//! Opening a log: the checkpoint, then the frames of the write-ahead log after it. Nothing else is read, whatever
//! the log's size, and nothing is deleted because something that should name it is missing.
//!
//! [`opening`] is the order of things, [`restore`] what the checkpoint says, [`chain`] the write-ahead files that go on
//! from there, [`replay`] what their frames say. [`inspect`] does the same for verification, and changes nothing.

mod chain;
mod damage;
mod inspect;
mod opening;
mod replay;
mod restore;

pub(crate) use inspect::{PartitionFiles, files_of, replay, scan_files};
pub(crate) use opening::{has_files, open};
