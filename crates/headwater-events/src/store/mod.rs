//! The event store: the seam that backends implement, what is asked of it, and the handle that users hold.

mod append;
mod filter;
mod handle;
mod read;
mod seam;
mod subscription;

pub use append::{Append, Appended, Condition, Expected, Lifecycle, Write};
pub use filter::Filter;
#[cfg(feature = "postgres")]
pub(crate) use handle::lifecycle;
pub(crate) use handle::lifecycle_of;
pub use handle::{Store, StreamInfo};
pub use read::{Direction, Page, ReadAll, ReadStream, Until};
pub use seam::{EventStore, Visitor};
pub use subscription::Subscription;
