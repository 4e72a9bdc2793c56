//! The write-ahead log: one sequence of frames over a chain of files, each commit one frame.
//!
//! [`frame`] is the bytes of one frame, [`payload`] what a commit's frame holds, [`ring`] the end that the writer appends
//! to, [`pool`] the other files, [`scan`] reads it back. The byte tables stand in `docs/formats/wal.md`.

pub(crate) mod file;
pub(crate) mod frame;
pub(crate) mod payload;
pub(crate) mod pool;
pub(crate) mod ring;
pub(crate) mod scan;
