//! The publication, which says what the server sends.

use headwater_log::{Error, ErrorKind, Result};

use super::settings::Settings;
use crate::postgres::{Session, TableName, identifier, literal};

/// Makes the publication, or adds what it lacks.
///
/// # Errors
/// `NotFound` or `Invalid` if it is not as it must be and is not to be made.
pub(super) fn ensure(session: &mut Session, settings: &Settings) -> Result<()> {
    let missing = missing(session, settings)?;
    if missing.is_empty() {
        return Ok(());
    }
    let statement = statement(session, settings, &missing)?;
    if !settings.makes_publication {
        let name = &settings.publication;
        let text = format!("publication '{name}' lacks {}", listed(&missing));
        return Err(Error::new(ErrorKind::NotFound, text).with_hint(statement));
    }
    session.query(&statement).map(drop)
}

fn listed(tables: &[TableName]) -> String {
    let names: Vec<String> = tables.iter().map(|t| format!("'{t}'")).collect();
    names.join(", ")
}

/// The tables that it does not publish, if it publishes all that is done to the others.
fn missing(session: &mut Session, settings: &Settings) -> Result<Vec<TableName>> {
    let name = literal(&settings.publication);
    let sql = format!(
        "SELECT pubinsert AND pubupdate AND pubdelete AND pubtruncate, pubviaroot \
         FROM pg_publication WHERE pubname = {name}"
    );
    let row = session.query(&sql)?.into_iter().next();
    if let Some([Some(whole), Some(root)]) = row.as_deref()
        && (whole != "t" || root != "t")
    {
        let text = format!("publication '{}' leaves changes out", settings.publication);
        let name = identifier(&settings.publication);
        return Err(Error::new(ErrorKind::Invalid, text).with_hint(format!(
            "ALTER PUBLICATION {name} SET (publish = 'insert, update, delete, truncate', publish_via_partition_root = true)"
        )));
    }
    let sql =
        format!("SELECT schemaname, tablename FROM pg_publication_tables WHERE pubname = {name}");
    let rows = session.query(&sql)?;
    let published = |table: &TableName| {
        let pair = [Some(table.schema.clone()), Some(table.name.clone())];
        rows.iter().any(|row| *row == pair)
    };
    let tables = settings.tables.iter().map(|(table, _)| table);
    Ok(tables.filter(|t| !published(t)).cloned().collect())
}

/// The statement that makes it whole.
pub(super) fn statement(
    session: &mut Session,
    settings: &Settings,
    missing: &[TableName],
) -> Result<String> {
    let quoted: Vec<String> = missing.iter().map(TableName::quoted).collect();
    let (name, tables) = (identifier(&settings.publication), quoted.join(", "));
    let exists = format!(
        "SELECT 1 FROM pg_publication WHERE pubname = {}",
        literal(&settings.publication)
    );
    Ok(match session.value(&exists)? {
        Some(_) => format!("ALTER PUBLICATION {name} ADD TABLE {tables}"),
        None => format!(
            "CREATE PUBLICATION {name} FOR TABLE {tables} WITH (publish_via_partition_root = true)"
        ),
    })
}
