//! The schemas of a projection: one for each version, and the one that readers see.

use tokio_postgres::{IsolationLevel, Transaction};

use super::postgres_view::{PostgresView, open};
use super::tables::Tables;
use crate::error::{Error, ErrorKind, Result};
use crate::postgres::append::owner_name;
use crate::postgres::options::{PostgresOptions, literal, quoted};
use crate::postgres::session::Session;
use crate::postgres::sql::Sql;
use crate::postgres::store::Postgres;
use crate::projection::{ProjectionId, Projector};

/// What the comment on a schema that readers see begins with; the version that it shows follows.
const SHOWS: &str = "shows the tables of the projection version ";

/// Schemas that are there already.
const TAKEN: &[&str] = &["public", "information_schema"];

/// # Errors
/// `Invalid` if the name of a projection cannot be that of a schema.
pub(super) fn check_name(id: &ProjectionId, store: &str) -> Result<()> {
    PostgresOptions::schema(&id.name).check()?;
    match TAKEN.contains(&id.name.as_str()) || id.name == store {
        true => Err(Error::invalid(format!(
            "projection {:?} has the name of a schema",
            id.name
        ))),
        false => Ok(()),
    }
}

/// Makes the tables of a version if they are not there; the first version that is made is what readers see.
pub(super) async fn make(
    session: &mut Session,
    sql: &Sql,
    id: &ProjectionId,
    create: &str,
) -> Result<()> {
    let transaction = begin(session, sql, id).await?;
    if is_there(&transaction, &id.to_string()).await? {
        return Ok(transaction.rollback().await?);
    }
    let own = quoted(&id.to_string());
    let schema = format!("CREATE SCHEMA {own}; SET LOCAL search_path TO {own}, public");
    transaction.batch_execute(&schema).await?;
    transaction.batch_execute(create).await?;
    // One that is left of tables that were dropped says nothing of these.
    transaction
        .execute(&sql.remove_positions, &[&vec![id.owner()]])
        .await?;
    if shown(&transaction, id).await?.is_none() {
        show(&transaction, id).await?;
    }
    Ok(transaction.commit().await?)
}

/// Lets readers see a version.
pub(super) async fn publish(session: &mut Session, sql: &Sql, id: &ProjectionId) -> Result<()> {
    let transaction = begin(session, sql, id).await?;
    if shown(&transaction, id).await? != Some(id.to_string()) {
        show(&transaction, id).await?;
    }
    Ok(transaction.commit().await?)
}

/// Begins a transaction that has all versions to itself.
async fn begin<'a>(
    session: &'a mut Session,
    sql: &Sql,
    id: &ProjectionId,
) -> Result<Transaction<'a>> {
    let builder = session.client_mut().build_transaction();
    let builder = builder.isolation_level(IsolationLevel::ReadCommitted);
    let transaction = builder.start().await?;
    let names = vec![owner_name(&format!("projection/{}", id.name))];
    transaction.query(&sql.names_wait, &[&names]).await?;
    Ok(transaction)
}

async fn is_there(transaction: &Transaction<'_>, schema: &str) -> Result<bool> {
    let query = "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)";
    Ok(transaction.query_one(query, &[&schema]).await?.try_get(0)?)
}

/// The version that readers see.
async fn shown(transaction: &Transaction<'_>, id: &ProjectionId) -> Result<Option<String>> {
    let query = "SELECT coalesce(obj_description(oid, 'pg_namespace'), '') FROM pg_namespace WHERE nspname = $1";
    let Some(row) = transaction.query_opt(query, &[&id.name]).await? else {
        return Ok(None);
    };
    let comment: &str = row.try_get(0)?;
    match comment.strip_prefix(SHOWS) {
        Some(version) => Ok(Some(version.to_owned())),
        None => Err(
            Error::invalid(format!("schema {:?} is not one of a projection", id.name))
                .with_hint("give the projection another name"),
        ),
    }
}

/// Puts views on the tables of a version in the place of those that are there.
async fn show(transaction: &Transaction<'_>, id: &ProjectionId) -> Result<()> {
    let (live, own) = (quoted(&id.name), quoted(&id.to_string()));
    let mut statements = vec![format!("CREATE SCHEMA IF NOT EXISTS {live}")];
    let views = "SELECT viewname FROM pg_views WHERE schemaname = $1";
    for row in transaction.query(views, &[&id.name]).await? {
        statements.push(format!("DROP VIEW {live}.{}", quoted(row.try_get(0)?)));
    }
    let tables = "SELECT c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
        WHERE n.nspname = $1 AND c.relkind IN ('r', 'p', 'v', 'm') ORDER BY c.relname";
    for row in transaction.query(tables, &[&id.to_string()]).await? {
        let table = quoted(row.try_get(0)?);
        statements.push(format!(
            "CREATE VIEW {live}.{table} AS SELECT * FROM {own}.{table}"
        ));
    }
    let comment = literal(&format!("{SHOWS}{id}"));
    statements.push(format!("COMMENT ON SCHEMA {live} IS {comment}"));
    Ok(transaction.batch_execute(&statements.join(";")).await?)
}

impl<T: Tables> PostgresView<T> {
    /// Lets readers see this version. It is done by [`swap`], and by itself when the live version goes on.
    ///
    /// # Errors
    /// `Invalid` if something else depends on what readers see of another version; `Unavailable`.
    pub async fn publish(&self) -> Result<()> {
        let mut session = open(&self.postgres).await?;
        publish(&mut session, &self.postgres.database.sql, &self.id).await
    }
}

impl Postgres {
    /// Drops the tables of a version of a projection that readers do not see.
    ///
    /// # Errors
    /// `Conflict` if readers see it; `Unavailable`.
    pub async fn drop_view(&self, id: &ProjectionId) -> Result<()> {
        let mut session = open(self).await?;
        let sql = &self.database.sql;
        let transaction = begin(&mut session, sql, id).await?;
        if shown(&transaction, id).await? == Some(id.to_string()) {
            let message = format!("projection \"{id}\" is the version that readers see");
            return Err(Error::new(ErrorKind::Conflict, message));
        }
        let own = quoted(&id.to_string());
        transaction
            .batch_execute(&format!("DROP SCHEMA IF EXISTS {own} CASCADE"))
            .await?;
        transaction
            .execute(&sql.remove_positions, &[&vec![id.owner()]])
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Puts a rebuilt version in the place of the one that is live, as [`swap`](crate::swap) does, and lets readers see it.
///
/// # Errors
/// As [`swap`](crate::swap) and [`PostgresView::publish`].
pub async fn swap<A: Tables, B: Tables>(
    old: &mut Projector<PostgresView<A>>,
    new: &mut Projector<PostgresView<B>>,
) -> Result<()> {
    crate::projection::swap(old, new).await?;
    new.view().publish().await
}
