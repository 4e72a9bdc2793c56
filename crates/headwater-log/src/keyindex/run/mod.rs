//! Runs: the immutable files of a key index. Blocks of entries in the order of their terms' hashes, a directory of
//! the blocks, a Bloom filter, a footer.

mod filter;
mod footer;
mod id;
mod reader;
mod verify;
mod writer;

pub(crate) use id::RunId;
pub(super) use reader::{Run, RunEntries};
pub(crate) use verify::VerifiedRun;
pub(super) use writer::RunWriter;
