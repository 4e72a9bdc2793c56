//! Which request is answered where.

use headwater::Headwater;

use super::{entity, project, run_sagas, sagas, stream};
use crate::cli::events::EventsRequest;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::host::printed_rows::ask;
use crate::cli::request::Replies;

const PROJECTIONS: &str = "SELECT * FROM system.projections ORDER BY store, name, version";

/// Answers a request.
pub(in crate::cli::host) fn answer(
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
            let answer = if diff { entity::diff } else { entity::show };
            answer(&store, &stream, &key, at, replies)
        }
        EventsRequest::Projections => ask(headwater, PROJECTIONS, &[], replies),
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
        EventsRequest::Sagas { store, open } => sagas::list(headwater, &store, open, replies),
        EventsRequest::SagaSteps { store, id } => sagas::steps(headwater, &store, &id, replies),
        EventsRequest::SagaOperate { store, id, wish } => {
            sagas::operate(headwater, &store, &id, wish, replies)
        }
    }
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
