//! A partition in memory: the [`lane`] in which the writer gives out offsets and places, and the [`view`] that
//! readers have of what is durable; [`whole`] is both with the key index.

pub(crate) mod lane;
pub(crate) mod view;
mod whole;

pub(crate) use lane::Lane;
pub(crate) use view::{Tail, View};
pub(crate) use whole::{IndexOrigin, Origin, Partition};
