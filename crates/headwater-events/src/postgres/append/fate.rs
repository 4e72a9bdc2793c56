//! What became of a transaction whose commit was not answered.

use tokio_postgres::error::SqlState;

use super::turn::Trace;
use crate::error::Result;
use crate::postgres::session::Session;
use crate::postgres::sql::Sql;

/// Whether a transaction was committed. It had the lock of the order, so whoever has it now knows that the transaction has
/// ended.
pub(super) async fn is_committed(session: &mut Session, sql: &Sql, trace: &Trace) -> Result<bool> {
    let event = trace.event.as_ref();
    let position = event.map(|(position, ..)| position.0.cast_signed());
    let (time, stream) = (
        event.map(|(_, time, _)| time),
        event.map(|(.., stream)| stream),
    );
    session.prepare(&[&sql.fate]).await?;
    session.command(&sql.begin).await?;
    let asked = session.send(
        &sql.fate,
        vec![&trace.transaction, &position, &time, &stream],
    )?;
    let committed = match asked.await {
        Ok(rows) => rows.first().map_or(Ok(false), |row| row.try_get(0))?,
        Err(error) if is_unheard_of(&error) => false,
        Err(error) => return Err(error.into()),
    };
    session.command("ROLLBACK").await?;
    Ok(committed)
}

/// Another server has taken the place of the one that had the transaction, before it got that far.
pub(in crate::postgres) fn is_unheard_of(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_PARAMETER_VALUE)
}
