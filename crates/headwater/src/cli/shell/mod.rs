//! `headwater sql`: SQL against a data directory, as a shell on a terminal.

mod command;
mod editor;
mod scan;
mod words;

pub(crate) use command::{read_text, run};
