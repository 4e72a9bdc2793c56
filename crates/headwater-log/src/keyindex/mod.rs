//! The key index of a partition: key → versions → offsets, and on one-partition topics type and tag → offsets.
//!
//! It is a small log-structured merge tree of its own. The writer adds every record to the [`MemIndex`]; each checkpoint
//! freezes that and writes it as an immutable run file; neighbouring runs are merged when they are of
//! similar size. Which runs are valid is said by the checkpoint, together with the segments, so that both
//! always fit each other. After a crash the write-ahead log's replay fills the memory part again. The bytes
//! are described in `docs/formats/key-index.md`.

mod entries;
mod key_index;
mod maintain;
mod memory;
mod merge;
mod pieces;
mod postings;
mod query;
mod run;
mod table;
mod term;
mod writing;

pub(crate) use entries::Entries;
pub(crate) use key_index::KeyIndex;
pub(crate) use maintain::{IndexManifest, verify_run};
pub(crate) use query::Terms;
pub(crate) use run::RunId;
pub(crate) use term::Term;
pub(crate) use writing::Earlier;

#[cfg(test)]
mod tests;
