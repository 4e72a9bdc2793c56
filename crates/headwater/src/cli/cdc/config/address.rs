//! Where a server is, and what tables are called.

use headwater_cdc::{filled, mysql, postgres};

use super::{config, wrong};
use crate::cli::exit::Outcome;

/// The server that a URL names, with variables of the environment.
#[derive(Debug)]
pub(crate) enum Address {
    PostgreSql(postgres::Address),
    MySql(mysql::Address),
}

impl Address {
    /// # Errors
    /// It is not understood, or a variable is not set.
    pub(crate) fn of(url: &str) -> Outcome<Self> {
        match url.split_once("://") {
            Some(("mysql" | "mariadb", _)) => {
                let mut address: mysql::Address = url.parse().map_err(config)?;
                let mysql::Address {
                    host,
                    user,
                    password,
                    database,
                    ..
                } = &mut address;
                fill([host, user, password, database])?;
                Ok(Self::MySql(address))
            }
            _ => postgres_address(url).map(Self::PostgreSql),
        }
    }
}

/// A database of PostgreSQL by its URL, with variables of the environment.
pub(crate) fn postgres_address(url: &str) -> Outcome<postgres::Address> {
    let mut address: postgres::Address = url.parse().map_err(config)?;
    let postgres::Address {
        host,
        user,
        password,
        database,
        ..
    } = &mut address;
    fill([host, user, password, database])?;
    Ok(address)
}

fn fill(fields: [&mut String; 4]) -> Outcome {
    for field in fields {
        *field = filled(field, &|name| std::env::var(name).ok()).map_err(config)?;
    }
    Ok(())
}

/// A table of PostgreSQL by its name, with its schema or without.
pub(crate) fn postgres_table(name: &str) -> postgres::TableName {
    let (schema, name) = name.split_once('.').unwrap_or(("public", name));
    postgres::TableName::new(schema, name)
}

/// A table of MariaDB or MySQL by its name, with its database or in that of the URL.
pub(crate) fn mysql_table(name: &str, database: &str) -> Outcome<mysql::TableName> {
    let (database, name) = name.split_once('.').unwrap_or((database, name));
    if database.is_empty() {
        return Err(wrong(
            format!("the table '{name}' is named without its database"),
            "write database.table, or the database into the URL",
        ));
    }
    Ok(mysql::TableName::new(database, name))
}
