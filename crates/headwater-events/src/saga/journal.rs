//! The journal of sagas in the store: a stream a saga, and one a definition.

use headwater_log::{Timestamp, Version};

use super::definition::Definition;
use super::event::SagaEvent;
use super::state::SagaState;
use crate::error::{Error, ErrorKind, Result};
use crate::event::{Position, Recorded};
use crate::store::{Append, Appended, Expected, Filter, ReadStream, Store};
use crate::typed::Event;

/// Events that are read at a time.
pub(super) const PAGE: usize = 1024;

pub(super) fn stream(saga: &str) -> String {
    format!("$saga-{saga}")
}

/// The saga that a stream is of.
pub(super) fn saga_of(stream: &str) -> Option<&str> {
    stream.strip_prefix("$saga-")
}

fn definition_stream(id: &str) -> String {
    format!("$saga.definition-{id}")
}

/// The events of all sagas.
pub(super) fn filter() -> Filter {
    Filter::all().types(SagaEvent::types().iter().copied())
}

/// Appends to a saga's journal, if nobody else has.
pub(super) async fn append(
    store: &Store,
    saga: &str,
    events_before: u64,
    events: &[SagaEvent],
) -> Result<Appended> {
    let expected = match events_before {
        0 => Expected::NoStream,
        n => Expected::Exact(Version(n - 1)),
    };
    let events: Result<Vec<_>> = events.iter().map(Event::to_new).collect();
    let append = Append::new().to(stream(saga), expected, events?);
    store.events().append(append).await
}

/// A saga as its journal says.
pub(super) async fn load(store: &Store, saga: &str) -> Result<Option<SagaState>> {
    let mut state = SagaState::new(saga);
    loop {
        let read = ReadStream::of(stream(saga))
            .from(Version(state.events))
            .limit(PAGE);
        let events = store.read(read).await?;
        for event in &events {
            state.evolve(&decode(event)?, event.recorded_at);
        }
        if events.len() < PAGE {
            return Ok((state.events > 0).then_some(state));
        }
    }
}

pub(super) fn decode(event: &Recorded) -> Result<SagaEvent> {
    SagaEvent::decode(event)
}

/// Records a definition; the same one as often as one likes.
pub(super) async fn define(store: &Store, definition: &Definition) -> Result<()> {
    let id = definition.id();
    let event = SagaEvent::Defined {
        definition: definition.clone(),
    };
    let new = event.to_new()?.id(format!("saga-definition/{id}"));
    let append = Append::new().to(definition_stream(&id), Expected::Any, [new]);
    let appended = store.events().append(append).await?;
    if appended.repeated
        && defined(store, &definition.name, definition.version).await? != *definition
    {
        return Err(Error::new(
            ErrorKind::Conflict,
            format!("saga {id:?} is defined already, and otherwise"),
        )
        .with_hint("a definition that is changed gets another version"));
    }
    Ok(())
}

/// A definition that was recorded.
pub(super) async fn defined(store: &Store, name: &str, version: u32) -> Result<Definition> {
    let id = format!("{name}@{version}");
    let read = ReadStream::of(definition_stream(&id)).limit(1);
    let found = store.read(read).await?;
    match found.first().map(decode) {
        Some(Ok(SagaEvent::Defined { definition })) => Ok(definition),
        Some(Err(error)) => Err(error),
        _ => Err(Error::new(
            ErrorKind::NotFound,
            format!("there is no definition of saga {id:?}"),
        )),
    }
}

/// An event of a saga's journal, as readers of all events see it.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) saga: String,
    pub(super) position: Position,
    pub(super) at: Timestamp,
    pub(super) event: SagaEvent,
}

/// A page of the journals of all sagas.
pub(super) async fn page(
    store: &Store,
    from: Position,
) -> Result<(Vec<Entry>, Position, Position)> {
    let page = store.read_all(from, filter(), PAGE).await?;
    let mut entries = Vec::with_capacity(page.events.len());
    for event in &page.events {
        if let Some(saga) = saga_of(&event.stream) {
            entries.push(Entry {
                saga: saga.to_owned(),
                position: event.position,
                at: event.recorded_at,
                event: decode(event)?,
            });
        }
    }
    Ok((entries, page.next, page.end))
}
