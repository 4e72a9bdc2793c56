//! The schema of a store, and how an older one becomes today's.

use super::options::{literal, quoted};
use super::session::Session;
use crate::error::{Error, ErrorKind, Result};

/// What makes each version of the schema of the one before, from the first on. What was released is never changed.
const MIGRATIONS: &[&str] = &[include_str!("migrations/1.sql")];

/// Brings a schema to today's version; one that is there already needs no rights to change it.
///
/// # Errors
/// `Unsupported` if it was made by a newer version of this program; `Unavailable`.
pub(super) async fn migrate(session: &mut Session, schema: &str) -> Result<()> {
    if version(session, schema).await? == MIGRATIONS.len() {
        return Ok(());
    }
    let done = under_lock(session, schema).await;
    let end = match done {
        Ok(()) => "COMMIT",
        Err(_) => "ROLLBACK",
    };
    let ended = session.command(end).await;
    done.and(ended.map(drop).map_err(Error::from))
}

/// One process does it, and the others find it done.
async fn under_lock(session: &mut Session, schema: &str) -> Result<()> {
    let (s, name) = (quoted(schema), literal(schema));
    let lock = format!(
        "BEGIN ISOLATION LEVEL READ COMMITTED;
         SELECT pg_advisory_xact_lock(hashtextextended('migrate', hashtextextended({name}, 0)))"
    );
    session.command(&lock).await?;
    let found = version(session, schema).await?;
    if found == 0 {
        let first = format!(
            "CREATE SCHEMA IF NOT EXISTS {s};
             CREATE TABLE {s}.migrations (version bigint PRIMARY KEY, applied_at timestamptz NOT NULL DEFAULT now())"
        );
        session.command(&first).await?;
    }
    for (at, text) in MIGRATIONS.iter().enumerate().skip(found) {
        session.command(&text.replace("{s}", &s)).await?;
        let note = format!("INSERT INTO {s}.migrations (version) VALUES ({})", at + 1);
        session.command(&note).await?;
    }
    Ok(())
}

/// The version that a schema has; 0: there is none.
async fn version(session: &mut Session, schema: &str) -> Result<usize> {
    let table = format!("{}.migrations", quoted(schema));
    let is_there = session
        .client()
        .query_typed_one(
            &format!("SELECT to_regclass({}) IS NOT NULL", literal(&table)),
            &[],
        )
        .await?;
    if !is_there.try_get::<_, bool>(0)? {
        return Ok(0);
    }
    let newest = format!("SELECT coalesce(max(version), 0) FROM {table}");
    let newest: i64 = session
        .client()
        .query_typed_one(&newest, &[])
        .await?
        .try_get(0)?;
    match usize::try_from(newest) {
        Ok(version) if version <= MIGRATIONS.len() => Ok(version),
        _ => Err(Error::new(
            ErrorKind::Unsupported,
            format!(
                "schema {schema:?} has version {newest}, and {} is the newest known",
                MIGRATIONS.len()
            ),
        )
        .with_hint("a newer headwater has made it: use that one")),
    }
}
