//! The outbox table of MariaDB or MySQL: how it is made, and whether it has what is needed.

use headwater_log::{Error, ErrorKind, Result};

use crate::mysql::{Address, Column, Session, Table, TableName, identifier};
use crate::outbox::router::Router;

/// Orders the rows.
pub(super) const POSITION: &str = "position";

/// The statement that makes an outbox table in MariaDB or MySQL. It can be read from the binary log and be emptied.
///
/// ```
/// use headwater_cdc::{mysql::TableName, outbox::create_mysql_table};
///
/// let sql = create_mysql_table(&TableName::new("shop", "outbox"));
/// assert!(sql.starts_with("CREATE TABLE IF NOT EXISTS `shop`.`outbox`"));
/// ```
pub fn create_mysql_table(table: &TableName) -> String {
    format!(
        "CREATE TABLE IF NOT EXISTS {} (\n  \
         {POSITION} BIGINT NOT NULL AUTO_INCREMENT PRIMARY KEY,\n  \
         id CHAR(36) NOT NULL DEFAULT (UUID()),\n  \
         aggregatetype VARCHAR(255) NOT NULL,\n  \
         aggregateid VARCHAR(255) NOT NULL,\n  \
         type VARCHAR(255) NOT NULL,\n  \
         payload JSON\n) CHARACTER SET utf8mb4",
        quoted(table)
    )
}

/// A session that deletes rows by their keys: it holds nobody up who writes others, and waits for nobody for long.
///
/// # Errors
/// `Unavailable`, and what the server says.
pub(super) fn session(address: &Address) -> Result<Session> {
    let mut session = Session::connect(address)?;
    session.execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED")?;
    session.execute("SET SESSION innodb_lock_wait_timeout = 5")?;
    Ok(session)
}

pub(super) fn quoted(table: &TableName) -> String {
    format!(
        "{}.{}",
        identifier(&table.database),
        identifier(&table.name)
    )
}

/// Looks the table up and checks that it has what is needed.
///
/// # Errors
/// `NotFound`; `Invalid` with what mends it.
pub(super) fn look_up(session: &mut Session, name: &TableName, router: &Router) -> Result<Table> {
    let table = Table::of(session, &name.database, &name.name).map_err(|e| match e.kind() {
        ErrorKind::NotFound => {
            let text = format!("there is no table '{name}'");
            Error::new(ErrorKind::NotFound, text).with_hint(create_mysql_table(name))
        }
        _ => e,
    })?;
    for wanted in router.columns() {
        if column(&table, wanted).is_none() {
            let text = format!("outbox table '{name}' has no column '{wanted}'");
            return Err(Error::new(ErrorKind::Invalid, text)
                .with_hint("the options of the router say which columns it has"));
        }
    }
    Ok(table)
}

/// The place of a column in rows.
pub(super) fn column<'a>(table: &'a Table, name: &str) -> Option<(usize, &'a Column)> {
    let mut columns = table.columns.iter().enumerate();
    columns.find(|(_, column)| column.name == name)
}
