//! Keyed, paged, columnar state: everything an operator remembers lives here.
//!
//! A [`KeyTable`] turns key bytes into small numbers, *slots*; [`Paged`] columns hold what is remembered of each slot.
//! Both are cut into pages that are either owned or frozen. A snapshot freezes the owned pages by moving them into
//! an `Arc` (no copy) and so holds exactly what was written since the last one; the first write to a frozen page
//! takes it back, or copies it if the snapshot is still being written. Slots survive a restore.

mod codec;
mod index;
mod key_page;
mod key_table;
mod page;
mod paged;
mod snapshot;
mod value;

pub use codec::{KeyCodec, Keys};
pub use key_table::KeyTable;
pub use paged::Paged;
pub(crate) use snapshot::other_layout;
pub use snapshot::{FrozenColumn, FrozenState, SavedState, StateColumn, StateVisitor};
pub use value::StateValue;
