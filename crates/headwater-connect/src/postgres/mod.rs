//! Tables of a PostgreSQL database.

mod columns;
mod config;

use crate::cdc::Database;

/// The `postgres-cdc` connector.
pub(crate) const DATABASE: Database = Database {
    name: "postgres-cdc",
    options: config::OPTIONS,
    capture_option: "slot.name",
    settings: |options, environment| Ok(config::settings(options, environment)?.into()),
    columns: |options, environment| columns::of(&config::settings(options, environment)?),
};
