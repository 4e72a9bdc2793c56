//! What an event is: before it is stored, and after.

mod new_event;
mod recorded;

pub(crate) use new_event::{CLOSED, OPENED, name};
pub use new_event::{Id, NewEvent};
pub use recorded::{Position, Recorded};
