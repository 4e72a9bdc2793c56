//! What the capture of tables needs of PostgreSQL: its slots and publications, its stream as a [`Feed`](crate::capture::Feed),
//! and its tables in ranges of blocks.

mod blocks;
mod changes;
mod check;
mod feed;
mod form;
mod matching;
mod progress;
mod publication;
mod reading;
mod running;
mod settings;
mod setup;
pub(crate) mod slot;
mod spool;

pub use check::check;
pub use settings::{Messages, Settings};
pub use slot::drop_slot;

pub(crate) use progress::PostgreSql;
pub(crate) use setup::{begin, begin_anew, finish};
