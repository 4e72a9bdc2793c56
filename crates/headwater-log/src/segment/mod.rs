//! Segments: the files in which the batches of a partition lie, one after the other, with an index beside each.
//!
//! [`file`] is one segment, [`index`] the entries of its index, [`pages`] what is remembered of them. The byte tables stand in `docs/formats/segment.md`.

pub(crate) mod file;
pub(crate) mod index;
mod pages;

pub(crate) use file::{Extent, Segment};
pub(crate) use pages::{Located, Pages};
