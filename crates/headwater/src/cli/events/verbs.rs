//! The verbs: from arguments to requests.

use std::io;

use super::args::{
    EntityArgs, EntityCommand, PlaceArgs, ProjectionArgs, ProjectionCommand, SagaArgs, SagaCommand,
    SagaRunArgs, StreamArgs, StreamCommand,
};
use super::request::{EventsRequest, SagaStart, SagaWish};
use super::{append, times};
use crate::cli::args::Format;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::output::AnswerPrinter;
use crate::cli::request::Request;
use crate::cli::session::{Missing, Session};
use crate::cli::shell::read_text;

/// `headwater stream …`.
pub(crate) fn stream(args: StreamArgs) -> Outcome {
    let place = args.place;
    match args.command {
        StreamCommand::Append {
            stream,
            key,
            expected,
            output,
        } => {
            let events = append::read()?;
            let request = EventsRequest::Append {
                stream,
                key,
                expected,
                events,
            };
            ask(&place, Missing::Make, request, output)
        }
        StreamCommand::Read {
            stream,
            key,
            from,
            until,
            backward,
            num,
            output,
        } => {
            let request = EventsRequest::Read {
                stream,
                key,
                from,
                until: times::parse(until.as_deref())?,
                backward,
                num,
            };
            ask(&place, Missing::Refuse, request, output)
        }
        StreamCommand::List {
            stream,
            prefix,
            output,
        } => {
            let request = match stream {
                Some(stream) => EventsRequest::Keys { stream, prefix },
                None => EventsRequest::Stores,
            };
            ask(&place, Missing::Refuse, request, output)
        }
    }
}

/// `headwater entity …`.
pub(crate) fn entity(args: EntityArgs) -> Outcome {
    let EntityCommand::Show {
        stream,
        key,
        at,
        diff,
        output,
    } = args.command;
    let request = EventsRequest::Entity {
        stream,
        key,
        at: times::parse(at.as_deref())?,
        diff,
    };
    ask(&args.place, Missing::Refuse, request, output)
}

/// `headwater projection …`.
pub(crate) fn projection(args: ProjectionArgs) -> Outcome {
    let (request, output) = match args.command {
        ProjectionCommand::List { output } => (EventsRequest::Projections, output),
        ProjectionCommand::Rebuild { name } => (EventsRequest::Rebuild { name }, Format::Table),
    };
    ask(&args.place, Missing::Refuse, request, output)
}

/// `headwater saga …`.
pub(crate) fn saga(args: SagaArgs) -> Outcome {
    let (place, store) = (args.place, args.store);
    let operate = |id, wish| {
        let store = store.clone();
        let request = EventsRequest::SagaOperate { store, id, wish };
        ask(&place, Missing::Refuse, request, Format::Table)
    };
    match args.command {
        SagaCommand::Run(args) => run_sagas(&place, store, &args),
        SagaCommand::List { open, output } => {
            let request = EventsRequest::Sagas { store, open };
            ask(&place, Missing::Refuse, request, output)
        }
        SagaCommand::Show { id, output } => {
            let request = EventsRequest::SagaSteps { store, id };
            ask(&place, Missing::Refuse, request, output)
        }
        SagaCommand::Retry { id } => operate(id, SagaWish::Retry),
        SagaCommand::Skip { id } => operate(id, SagaWish::Skip),
        SagaCommand::Compensate { id, reason } => operate(id, SagaWish::Compensate(reason)),
    }
}

fn run_sagas(place: &PlaceArgs, store: String, args: &SagaRunArgs) -> Outcome {
    let request = EventsRequest::SagaRun {
        store,
        definition: read_text(&args.file)?,
        starts: starts(args)?,
        stay: args.stay,
    };
    interrupt::listen()?;
    ask(place, Missing::Make, request, args.output)
}

/// The sagas that the arguments or standard input start.
fn starts(args: &SagaRunArgs) -> Outcome<Vec<SagaStart>> {
    match (&args.id, args.input.as_deref()) {
        (None, None) => Ok(Vec::new()),
        (None, Some("-")) => append::lines(io::stdin().lock(), |line| serde_json::from_str(line)),
        (None, Some(_)) => Err(Failure::usage("--input has JSON, but no saga is named")
            .with_hint("name it with --id, or give lines on standard input with --input -")),
        (Some(id), input) => {
            let text = match input {
                Some("-") => io::read_to_string(io::stdin().lock())
                    .map_err(|e| Failure::io("cannot read standard input", &e))?,
                input => input.unwrap_or("null").to_owned(),
            };
            let input = serde_json::from_str(&text)
                .map_err(|e| Failure::usage(format!("--input is no JSON: {e}")))?;
            let id = id.clone();
            Ok(vec![SagaStart { id, input }])
        }
    }
}

fn ask(place: &PlaceArgs, missing: Missing, request: EventsRequest, output: Format) -> Outcome {
    let request = Request::Events(request);
    let mut printer = AnswerPrinter::new(output);
    let session = match &place.postgres {
        Some(address) => Session::on_postgres(address)?,
        None => Session::open(&place.data.data, missing, place.data.limit.options())?,
    };
    session.finish(|session| session.ask(&request, &mut |reply| printer.take(reply)))
}
