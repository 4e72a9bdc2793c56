//! Tables of a MariaDB or MySQL server.

mod columns;
mod config;

use crate::cdc::Database;

/// The `mysql-cdc` connector.
pub(crate) const DATABASE: Database = Database {
    name: "mysql-cdc",
    options: config::OPTIONS,
    capture_option: "capture.name",
    settings: |options, environment| Ok(config::settings(options, environment)?.into()),
    columns: |options, environment| columns::of(&config::settings(options, environment)?),
};
