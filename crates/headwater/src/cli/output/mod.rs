//! Rows on standard output in the four forms that `-o` names.

mod csv;
mod json;
mod printer;
mod table;

pub(crate) use printer::{Printer, print_rows};
