//! Statements: what a text says, before anything is looked up. [`parse`] never panics and every error has a place.
//!
//! Way of a text: `lexer` (tokens, cut at semicolons) → `parse` (which statement) → `table`, `data_type` (our own clauses)
//! and sqlparser (expressions, queries; `rewrite` puts streaming syntax into a shape that it reads).

mod cursor;
mod data_type;
mod dialect;
mod lexer;
mod parse;
mod query;
mod rewrite;
mod syntax;
mod table;

pub(crate) use data_type::{parse_type_text, quote, type_name};
pub use parse::parse;
pub(crate) use rewrite::{PARTITION_BY, WINDOW_FUNCTIONS};
pub use syntax::{
    ColumnSource, CreateTable, CreateView, Emit, Insert, Like, Name, ObjectKind, ParsedStatement,
    Query, Show, Statement, TableColumn, TableOption, Watermark,
};
