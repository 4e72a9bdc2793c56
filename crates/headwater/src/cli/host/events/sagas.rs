//! Sagas that there are.

use headwater::Headwater;
use headwater::events::{Operation, Sagas, block_on};

use super::stream;
use crate::cli::events::SagaWish;
use crate::cli::exit::Outcome;
use crate::cli::host::printed_rows::ask;
use crate::cli::request::{Replies, Reply};

/// A text as SQL writes it.
pub(super) fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// The sagas of a store.
pub(super) fn list(
    headwater: &Headwater,
    store: &str,
    open: bool,
    replies: Replies<'_>,
) -> Outcome {
    let mut query = format!(
        "SELECT saga, definition, version, state, step, reason, `input`, started_at, updated_at \
         FROM system.sagas WHERE store = {}",
        literal(store)
    );
    if open {
        query += " AND state NOT IN ('completed', 'compensated')";
    }
    query += " ORDER BY started_at, saga";
    ask(headwater, &query, &["input"], replies)
}

/// The steps of a saga.
pub(super) fn steps(headwater: &Headwater, store: &str, id: &str, replies: Replies<'_>) -> Outcome {
    let saga = block_on(open_sagas(headwater, store)?.show(id))?;
    replies(Reply::Note(format!(
        "saga '{id}' ({}@{}): {}{}",
        saga.definition,
        saga.version,
        saga.mode,
        saga.reason
            .map(|why| format!(", {why}"))
            .unwrap_or_default()
    )))?;
    let query = format!(
        "SELECT step, phase, state, attempts, `input`, `output`, error, first_at, last_at \
         FROM system.saga_steps WHERE store = {} AND saga = {} ORDER BY first_at, step",
        literal(store),
        literal(id)
    );
    ask(headwater, &query, &["input", "output"], replies)
}

/// Has somebody's wish for a saga done.
pub(super) fn operate(
    headwater: &Headwater,
    store: &str,
    id: &str,
    wish: SagaWish,
    replies: Replies<'_>,
) -> Outcome {
    let (operation, what) = match wish {
        SagaWish::Retry => (Operation::Retry, "is tried again"),
        SagaWish::Skip => (Operation::Skip, "goes on without its step"),
        SagaWish::Compensate(reason) => (Operation::Compensate { reason }, "is taken back"),
    };
    let sagas = open_sagas(headwater, store)?;
    block_on(sagas.operate(id, operation))?;
    replies(Reply::Line(format!("saga '{id}' {what} when sagas run")))
}

/// The sagas of a store that is there.
fn open_sagas(headwater: &Headwater, store: &str) -> Outcome<Sagas> {
    let store = stream::existing(headwater, store)?;
    let clock = std::sync::Arc::new(headwater::SystemClock);
    Ok(Sagas::new(store, clock))
}
