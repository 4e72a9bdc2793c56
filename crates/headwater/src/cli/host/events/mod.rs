//! Event stores, for commands.

mod entity;
mod project;
mod run_sagas;
mod stream;

use headwater::Headwater;
use headwater::events::{Operation, Sagas, block_on};

use crate::cli::events::{EventsRequest, SagaWish};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::host::printed_rows::ask;
use crate::cli::request::{Replies, Reply};

/// Answers a request.
pub(super) fn answer(
    headwater: &Headwater,
    request: EventsRequest,
    replies: Replies<'_>,
) -> Outcome {
    match request {
        EventsRequest::Append {
            stream,
            key,
            expected,
            events,
        } => stream::append(headwater, &stream, &key, expected, events, replies),
        EventsRequest::Read {
            stream,
            key,
            from,
            until,
            backward,
            num,
        } => {
            let wanted = stream::Wanted {
                key,
                from,
                until,
                backward,
                num,
            };
            stream::read(&stream::existing(headwater, &stream)?, wanted, replies)
        }
        EventsRequest::Stores => stream::stores(headwater, replies),
        EventsRequest::Keys { stream, prefix } => {
            stream::keys(&stream::existing(headwater, &stream)?, &prefix, replies)
        }
        EventsRequest::Entity {
            stream,
            key,
            at,
            diff,
        } => {
            let store = stream::existing(headwater, &stream)?;
            match diff {
                false => entity::show(&store, &stream, &key, at, replies),
                true => entity::diff(&store, &stream, &key, at, replies),
            }
        }
        EventsRequest::Projections => ask(
            headwater,
            "SELECT * FROM system.projections ORDER BY store, name, version",
            &[],
            replies,
        ),
        EventsRequest::Rebuild { name } => project::rebuild(headwater, &name, replies),
        EventsRequest::SagaRun {
            store,
            definition,
            starts,
            stay,
        } => {
            let wanted = run_sagas::Wanted {
                store,
                definition,
                starts,
                stay,
            };
            run_sagas::run(headwater, wanted, replies)
        }
        EventsRequest::Sagas { store, open } => sagas(headwater, &store, open, replies),
        EventsRequest::SagaSteps { store, id } => steps(headwater, &store, &id, replies),
        EventsRequest::SagaOperate { store, id, wish } => {
            operate(headwater, &store, &id, wish, replies)
        }
    }
}

/// A text as SQL writes it.
fn literal(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

fn sagas(headwater: &Headwater, store: &str, open: bool, replies: Replies<'_>) -> Outcome {
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

fn steps(headwater: &Headwater, store: &str, id: &str, replies: Replies<'_>) -> Outcome {
    let saga = block_on(open_sagas(headwater, store)?.show(id))?;
    replies(Reply::Note(format!(
        "saga '{id}' ({}@{}): {:?}{}",
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

fn operate(
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

impl From<headwater::events::Error> for Failure {
    fn from(error: headwater::events::Error) -> Self {
        use headwater_log::ErrorKind;
        let failure = match error.kind() {
            ErrorKind::Conflict => Self::new(crate::cli::exit::Code::Conflict, error.to_string()),
            _ => Self::failed(error.to_string()),
        };
        match error.hint() {
            Some(hint) => failure.with_hint(hint),
            None => failure,
        }
    }
}
