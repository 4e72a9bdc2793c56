//! Segments: the files in which the batches of a partition lie, one after the other, with an index beside each.
//!
//! [`file`] is one segment, [`index`] the entries of its index. The byte tables stand in `docs/formats/segment.md`.

pub(crate) mod file;
pub(crate) mod index;

pub(crate) use file::{Extent, Segment};
