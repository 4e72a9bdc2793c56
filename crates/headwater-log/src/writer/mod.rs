//! The writer: the one place where commits happen. [`request`] is what it is asked, [`prepare`] and [`packing`] the work that the
//! caller does before, [`queue`] where requests wait. [`forming`] makes [`group`]s of them: [`decide`] gives numbers,
//! offsets and places without touching a file, [`encode`] turns a group into bytes in [`memory`](crate::memory) that is used again, [`direct`] writes large batches to
//! their segments. [`finishing`] writes, syncs, publishes and acknowledges.

pub(crate) mod decide;
mod direct;
mod encode;
mod finishing;
mod forming;
mod group;
mod metadata;
mod outcome;
pub(crate) mod packing;
pub(crate) mod prepare;
pub(crate) mod queue;
pub(crate) mod request;
mod stack;

pub(crate) use finishing::Finisher;
pub(crate) use forming::Writer;
