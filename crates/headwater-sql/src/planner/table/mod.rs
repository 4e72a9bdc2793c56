//! From `CREATE TABLE` to a `TableDef`: types, computed columns, watermark, LIKE.

mod builder;
mod define;
mod describe;
mod expression;
mod options;

pub(crate) use define::define_table;
pub(super) use describe::{as_stored, rename};
pub(crate) use describe::{describe, plain};
pub(super) use expression::expression;
pub(crate) use options::{
    ALLOWED_LATENESS, DEFAULT_CONNECTOR, FORMAT_KEYS, IDLE_TIMEOUT, SYSTEM_TIME, with_options,
};
