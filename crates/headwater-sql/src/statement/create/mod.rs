//! `CREATE TABLE`, `SOURCE`, `SINK` and `VIEW`: our own clauses, read token by token.

mod column;
mod options;
mod table;
mod view;

pub(super) use options::{option_key, options, sql_option};
pub(super) use table::create_table;
pub(super) use view::create_view;
