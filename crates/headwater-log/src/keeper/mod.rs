//! The keeper works behind the writer: it puts durable batches into their segments ([`flush`]), and now and then
//! writes a checkpoint and frees the write-ahead log before it ([`checkpoint`]). [`duties`] says when.

mod checkpoint;
mod duties;
mod flush;

pub(crate) use duties::{Keeper, WorkState};
