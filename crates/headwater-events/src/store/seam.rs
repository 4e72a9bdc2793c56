//! The seam between what is built on events and where they are kept.

use std::ops::ControlFlow;

use bytes::Bytes;

use super::append::{Append, Appended};
use super::read::{Page, ReadAll, ReadStream};
use crate::event::{Position, Recorded};
use crate::task::Task;

/// Looks at an event, and says whether it wants the next one.
pub type Visitor<'a> = &'a mut (dyn FnMut(&Recorded) -> ControlFlow<()> + Send);

/// A place where events are kept in one total order. Every implementation passes the suite in
/// [`contract`](crate::contract).
///
/// The laws: appends are atomic, and durable once they are acknowledged; what one reader has seen at a position everybody
/// sees there for ever; no event ever comes before a position that a reader was told all of; a condition is judged against
/// exactly the events before the append.
pub trait EventStore: Send + Sync + std::fmt::Debug {
    /// Appends events, if all conditions hold; gives the places that they have, or had if they were stored before.
    ///
    /// # Errors
    /// `Conflict` if a condition did not hold, with what was found; `Invalid`; `Unavailable`.
    ///
    /// # Cancel safety
    /// Dropping the future does not take the append back.
    fn append(&self, append: Append) -> Task<'_, Appended>;

    /// The events of one stream.
    ///
    /// # Errors
    /// `NotFound` if the stream was deleted, `Corrupt`, `Unavailable`.
    fn read(&self, read: ReadStream) -> Task<'_, Vec<Recorded>>;

    /// Hands `f` the events of one stream, one after the other, until it breaks. A store that need not keep them all in memory for
    /// that does not.
    ///
    /// # Errors
    /// As [`read`](Self::read); the events before the error have been handed out.
    fn for_each<'a>(&'a self, read: ReadStream, f: Visitor<'a>) -> Task<'a, ()> {
        Box::pin(async move {
            for event in &self.read(read).await? {
                if f(event).is_break() {
                    break;
                }
            }
            Ok(())
        })
    }

    /// A page of the events of all streams, in the total order.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    fn read_all(&self, read: ReadAll) -> Task<'_, Page>;

    /// Waits until there is an event at or after `from`; gives the end, the position that the next event will get.
    ///
    /// # Errors
    /// `Unavailable`, `Closed`.
    fn wait(&self, from: Position) -> Task<'_, Position>;

    /// The positions whose owners begin with `prefix`, by owner; see [`Append::positions`].
    ///
    /// # Errors
    /// `Unavailable`.
    fn positions<'a>(&'a self, prefix: &'a str) -> Task<'a, Vec<(String, Bytes)>>;
}
