//! What of a database is taken over, and what is made unreadable before it is.
//!
//! The same for all servers. A server's shape of rows asks [`Filters::rule`] once a column and applies the [`Rule`] to each value that it has
//! written: a value that is taken from a topic again, since a change left it as it was, has been treated already. Changes that
//! are skipped are so by the capture (`capture/assembly.rs`).

mod condition;
mod filters;
mod hash;
mod matching;
mod pattern;
mod rule;

pub use filters::{Filters, Operations};
pub use hash::{Algorithm, Hash, Hashed};
pub use matching::Matching;
pub use pattern::Pattern;
pub use rule::Treatment;

pub(crate) use condition::{Comparison, Condition, Is, Literal, Test};
pub(crate) use filters::ColumnOf;
pub(crate) use rule::Rule;
