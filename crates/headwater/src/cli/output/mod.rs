//! Rows on standard output in the four forms that `-o` names.

mod answer;
mod csv;
mod json;
mod printer;
mod table;
mod ticker;

pub(crate) use answer::AnswerPrinter;
pub(crate) use printer::Printer;
