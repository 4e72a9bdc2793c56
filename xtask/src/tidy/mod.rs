//! `cargo xtask tidy`: the checks of the house style that rustfmt and clippy cannot make. One check a file; each
//! reads the tree and adds to the report.

mod docs;
mod edges;
mod lexer;
mod licences;
mod names;
mod ratchet;
mod report;
mod shape;
mod tree;
mod words;

pub(crate) use report::run;
