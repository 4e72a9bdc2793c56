//! The write-ahead log: one sequence of frames over a chain of files, each commit one frame.
//!
//! [`frame`] is the bytes of one frame, [`payload`] what a commit's frame holds, [`ring`] the chain of files that
//! the writer appends to, [`scan`] reads it back. The byte tables stand in `docs/formats/wal.md`.

pub(crate) mod frame;
pub(crate) mod payload;
pub(crate) mod ring;
pub(crate) mod scan;
