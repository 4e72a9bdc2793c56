//! Reading: one stream, all events by a filter, and the positions of owners.

mod all;
mod owners;
mod row;
mod stream;

pub(super) use owners::Owners;
