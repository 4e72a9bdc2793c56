//! rpk's text patterns, `%k %v\n`: how records are written as text, and how lines are read as records.

mod parse;
mod read;
mod write;

pub(super) use parse::{Part, Verbs, parse};
pub(super) use read::split;
pub(super) use write::{Shown, write};
