//! Events in a transaction of somebody else: they are there if and when it is committed.
//!
//! They wait in tables of their own for their positions, which the next turn of some process's funnel gives them. Until its end the
//! transaction has its streams, ids and owners to itself, and nothing else: whatever it does, and however long, others
//! append and read.

use tokio_postgres::Transaction;
use tokio_postgres::types::{ToSql, Type};

use super::decide::{Decision, Verdict};
use super::facts::{Facts, Wanted};
use super::names;
use super::rows::Rows;
use super::versions::Versions;
use crate::error::{Error, ErrorKind, Result};
use crate::event::Position;
use crate::postgres::failure::bug;
use crate::postgres::news::PENDING;
use crate::postgres::session::{Parameters, Reply, flight};
use crate::postgres::sql::{NOTIFY, Sql};
use crate::store::{Append, Appended, Condition};

/// Appends in a transaction of somebody else.
pub(in crate::postgres) async fn append_in(
    transaction: &Transaction<'_>,
    sql: &Sql,
    append: &Append,
) -> Result<Appended> {
    append.check()?;
    let is_query = |c: &Condition| matches!(c, Condition::NoneSince { .. });
    if append.conditions.iter().any(is_query) {
        let message = "a condition over a query cannot be kept in a transaction of one's own";
        return Err(Error::new(ErrorKind::Unsupported, message)
            .with_hint("expect versions of streams, or append outside of the transaction"));
    }
    take_names(transaction, sql, append).await?;
    let facts = look_up(transaction, sql, append).await?;
    let mut decision = Decision::new(facts, None);
    match decision.decide(0, append) {
        Verdict::Stored(appended) => {
            write(transaction, sql, &decision.rows).await?;
            Ok(appended)
        }
        Verdict::Repeated(position) => repeated(transaction, sql, append, position).await,
        Verdict::Refused(error) => Err(error),
        Verdict::Busy => Err(bug("names that are waited for are not had")),
    }
}

/// Takes what the append must have to itself, which may take as long as others who have it.
async fn take_names(transaction: &Transaction<'_>, sql: &Sql, append: &Append) -> Result<()> {
    // With one snapshot for the whole transaction it would not see what others have done before they gave a name up.
    let isolation = "SELECT current_setting('transaction_isolation') = 'read committed'";
    let isolation = transaction.query_typed_one(isolation, &[]).await?;
    if !isolation.try_get::<_, bool>(0)? {
        let message = "events can be appended in a transaction of isolation READ COMMITTED only";
        return Err(Error::new(ErrorKind::Unsupported, message));
    }
    let names: Vec<String> = names::names([append]).into_iter().collect();
    let names: &(dyn ToSql + Sync) = &names;
    transaction
        .query_typed(&sql.names_wait, &[(names, Type::TEXT_ARRAY)])
        .await?;
    Ok(())
}

async fn look_up(transaction: &Transaction<'_>, sql: &Sql, append: &Append) -> Result<Facts> {
    let wanted = Wanted::of([append]);
    let texts = [&sql.heads, &sql.tagged, &sql.owners];
    let lists: [&(dyn ToSql + Sync); 3] = [&wanted.streams, &wanted.tags, &wanted.owners];
    let asked = texts.into_iter().zip(lists);
    let replies =
        asked.map(|(text, list)| send(transaction, text, vec![list], &[Type::TEXT_ARRAY]));
    let said: Result<Vec<_>, _> = flight(replies.collect()).await.into_iter().collect();
    let said = said?;
    let mut facts = Facts::default();
    facts.read_heads(&said[0])?;
    facts.read_tagged(&said[1])?;
    facts.read_owners(&said[2])?;
    Ok(facts)
}

async fn write(transaction: &Transaction<'_>, sql: &Sql, rows: &Rows) -> Result<()> {
    let number = transaction
        .query_typed_one(&sql.pending_number, &[])
        .await?;
    let number: i64 = number.try_get(0)?;
    let (set, removed) = rows.positions();
    let (owners, values): (Vec<&str>, Vec<&[u8]>) = set.into_iter().unzip();
    let texts = Type::TEXT_ARRAY;
    let mut replies = Vec::new();
    if rows.len() > 0 {
        let (events, types) = rows.pending(&number);
        replies.push(send(transaction, &sql.pending, events, &types));
        let types = &[Type::INT8, Type::INT8_ARRAY, Type::TEXT_ARRAY];
        replies.push(send(
            transaction,
            &sql.pending_tags,
            rows.pending_tags(&number),
            types,
        ));
        let told: Parameters<'_> = vec![&sql.channel, &PENDING];
        replies.push(send(transaction, NOTIFY, told, &[Type::TEXT, Type::TEXT]));
    }
    if !owners.is_empty() {
        let types = &[texts.clone(), Type::BYTEA_ARRAY];
        replies.push(send(
            transaction,
            &sql.set_positions,
            vec![&owners, &values],
            types,
        ));
    }
    if !removed.is_empty() {
        replies.push(send(
            transaction,
            &sql.remove_positions,
            vec![&removed],
            &[texts],
        ));
    }
    let said: Result<Vec<_>, _> = flight(replies).await.into_iter().collect();
    said?;
    Ok(())
}

async fn repeated(
    transaction: &Transaction<'_>,
    sql: &Sql,
    append: &Append,
    position: Option<Position>,
) -> Result<Appended> {
    let asked = Versions { append, position };
    let (streams, end) = asked.parameters();
    let types = &[Type::TEXT_ARRAY, Type::INT8];
    let rows = send(transaction, &sql.versions, vec![&streams, &end], types).await?;
    asked.answer(&rows)
}

/// A statement in the transaction, which is sent when the reply is first polled.
fn send<'a>(
    transaction: &'a Transaction<'_>,
    text: &'a str,
    parameters: Parameters<'a>,
    types: &[Type],
) -> Reply<'a> {
    let typed: Vec<_> = parameters.into_iter().zip(types.iter().cloned()).collect();
    Box::pin(async move { transaction.query_typed(text, &typed).await })
}
