//! The writer: the one place where commits happen. [`request`] is what it is asked, [`prepare`] the work that the
//! caller does before, [`queue`] where requests wait; [`decide`] gives numbers, offsets and places without touching
//! a file, [`encode`] turns a group into bytes, and [`group`] writes, syncs, publishes and acknowledges it.

pub(crate) mod decide;
mod encode;
pub(crate) mod group;
mod metadata;
pub(crate) mod prepare;
pub(crate) mod queue;
pub(crate) mod request;

pub(crate) use group::Writer;
