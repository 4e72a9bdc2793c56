//! Statements: what a text says, before anything is looked up. [`parse`] never panics and every error has a place.
//!
//! Way of a text: `lexer` (tokens, cut at semicolons) → `parse` (which statement) → `create`, `data_type` (our own clauses)
//! and sqlparser (expressions, queries; `rewrite` puts streaming syntax into a shape that it reads).

mod call;
mod create;
mod cursor;
mod data_type;
mod dialect;
mod hint;
mod lexer;
mod parse;
mod query;
mod rewrite;
mod syntax;
mod tables;
mod wrong;

pub(crate) use call::call;
pub(crate) use data_type::parse_type_text;
pub(crate) use headwater_flow::plan::{quote, type_name};
pub use hint::TableHint;
pub use parse::parse;
pub(crate) use rewrite::{MAP_FUNCTION, PARTITION_BY, WINDOW_FUNCTIONS};
pub use syntax::{
    ColumnSource, CreateTable, CreateView, Emit, Insert, Like, Name, ObjectKind, ParsedStatement,
    Query, Show, Statement, TableColumn, TableOption, Watermark,
};
pub(crate) use tables::{in_query as tables_in, windowed as windowed_tables};
