//! [`turn`]: decides over some appends and writes what they add, in one transaction.
//!
//! Two flights of statements: the first takes the lock of the order and looks up what is needed, each statement with a
//! snapshot of its own, and so of everything that was committed before the lock was had; the second writes and commits.

use std::time::SystemTime;

use tokio_postgres::Row;
use tokio_postgres::error::Severity;

use super::decide::{Decision, Verdict};
use super::facts::Order;
use super::look_up::LookUp;
use super::rows::Rows;
use crate::error::{Error, Result};
use crate::event::Position;
use crate::postgres::session::{Session, flight};
use crate::postgres::sql::{NOTIFY, Sql};
use crate::store::Append;

/// What became of a turn.
#[derive(Debug)]
pub(super) struct Turned {
    pub(super) verdicts: Vec<Verdict>,
    /// The end of the store now.
    pub(super) end: Position,
}

/// Why a turn came to nothing, as far as is known.
#[derive(Debug)]
pub(super) enum Failed {
    /// Nothing was stored.
    Undone(Error),
    /// The server was told to commit, and has not answered.
    Unknown(Trace, Turned, Error),
}

/// What shows whether a transaction was committed.
#[derive(Debug)]
pub(super) struct Trace {
    pub(super) transaction: String,
    /// The place, the time and the stream of its last event.
    pub(super) event: Option<(Position, SystemTime, String)>,
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Self::Undone(error)
    }
}

impl From<tokio_postgres::Error> for Failed {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Undone(error.into())
    }
}

/// Decides over appends, in order, and stores what happens of them. The session must not be used any more if this fails.
pub(super) async fn turn(
    session: &mut Session,
    sql: &Sql,
    appends: &[&Append],
) -> Result<Turned, Failed> {
    let look_up = LookUp::new(sql, appends);
    session.prepare(&look_up.texts()).await?;
    let (mut order, mut facts) = look_up.take_off(session).await?;
    let drained = order.pending;
    if drained {
        drain(session, sql, &order).await?;
        let busy = std::mem::take(&mut facts.busy);
        (order, facts) = look_up.again(session).await?;
        facts.busy = busy;
    }
    let mut decision = Decision::new(facts, Some(order.end));
    let decide = |(nth, append): (usize, &&Append)| decision.decide(nth, append);
    let verdicts = appends.iter().enumerate().map(decide).collect();
    let rows = decision.rows;
    let end = Position(order.end.0 + rows.len() as u64);
    let turned = Turned { verdicts, end };
    if rows.is_nothing() && !drained {
        session.command("ROLLBACK").await?;
        return Ok(turned);
    }
    let written = write(session, sql, &order, &rows, end).await?;
    match written.into_iter().find_map(Result::err) {
        None => Ok(turned),
        Some(error) if is_refusal(&error) => Err(Failed::Undone(error.into())),
        Some(error) => Err(Failed::Unknown(
            trace(order, rows, end),
            turned,
            error.into(),
        )),
    }
}

/// Whether the server itself has said that it did not do something, rather than fallen silent.
fn is_refusal(error: &tokio_postgres::Error) -> bool {
    let said = error.as_db_error();
    said.is_some_and(|said| said.parsed_severity() == Some(Severity::Error))
}

/// Gives positions to the events that came with transactions of other people.
async fn drain(session: &Session, sql: &Sql, order: &Order) -> Result<()> {
    let end = order.end.0.cast_signed();
    session.send(&sql.drain, vec![&end, &order.now])?.await?;
    Ok(())
}

async fn write(
    session: &Session,
    sql: &Sql,
    order: &Order,
    rows: &Rows,
    end: Position,
) -> Result<Vec<Result<Vec<Row>, tokio_postgres::Error>>> {
    let (first, told) = (order.end.0.cast_signed(), end.0.to_string());
    let (set, removed) = rows.positions();
    let (owners, values): (Vec<&str>, Vec<&[u8]>) = set.into_iter().unzip();
    let mut replies = Vec::new();
    if rows.len() > 0 {
        replies.push(session.send(&sql.events, rows.events(&first, &order.now))?);
    }
    if !rows.tag.is_empty() {
        replies.push(session.send(&sql.tags, rows.tags(&first))?);
    }
    if !owners.is_empty() {
        replies.push(session.send(&sql.set_positions, vec![&owners, &values])?);
    }
    if !removed.is_empty() {
        replies.push(session.send(&sql.remove_positions, vec![&removed])?);
    }
    replies.push(session.send(NOTIFY, vec![&sql.channel, &told])?);
    replies.push(session.command("COMMIT"));
    Ok(flight(replies).await)
}

fn trace(order: Order, rows: Rows, end: Position) -> Trace {
    let event = rows.streams.into_iter().next_back();
    Trace {
        transaction: order.transaction,
        event: event.map(|stream| (Position(end.0 - 1), order.now, stream)),
    }
}
