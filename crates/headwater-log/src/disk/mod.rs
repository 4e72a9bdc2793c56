//! The seam through which the log touches files. [`RealDisk`] is a directory, [`MemDisk`] is memory, and
//! [`simulation::FaultyDisk`](crate::simulation::FaultyDisk) loses, tears and damages what was not synced.
//!
//! Paths are relative to the disk's root, with `/` between their parts.

mod around;
mod handles;
pub(crate) mod memory;
mod real;
mod seam;

pub use memory::MemDisk;
pub use real::RealDisk;
pub use seam::{Disk, DiskFile, OpenMode};
pub(crate) use seam::{parent, read_all};
