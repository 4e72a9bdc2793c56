//! Loading a state: its snapshot, if there is one that can be used, and the events since.

use std::ops::ControlFlow;

use headwater_log::Version;

use super::snapshot::Snapshot;
use super::snapshots::Snapshotting;
use super::state::{Source, State};
use super::states::Boundary;
use crate::error::Result;
use crate::event::{Position, Recorded};
use crate::store::{Expected, Filter, ReadStream, Store, Until};
use crate::typed::Event;

/// Events that are read at a time.
const PAGE: usize = 1024;

/// A state and what it was made of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded<S> {
    /// The state.
    pub state: S,
    /// The version of its newest event, if it is made of a stream that has any.
    pub version: Option<Version>,
    /// Everything before this place was looked at.
    pub position: Position,
    /// What must not have changed when something is stored that was decided from it.
    pub boundary: Boundary,
}

/// A state on its way.
struct Folding<S> {
    state: S,
    version: Option<Version>,
    next: Position,
    /// Events since the snapshot.
    events: u64,
}

impl<S: State> Folding<S> {
    fn apply(&mut self, event: &Recorded) -> Result<()> {
        self.version = event.version.or(self.version);
        self.next = event.position.next();
        self.events += 1;
        if !event.is_system() {
            self.state.evolve(&S::Event::decode(event)?);
        }
        Ok(())
    }

    /// Applies events of a stream, as they are read; gives whether one was at `cut` or after it, which ends it.
    async fn read(
        &mut self,
        store: &Store,
        read: ReadStream,
        cut: Option<Position>,
    ) -> Result<bool> {
        let mut end = Ok(false);
        let apply = &mut |event: &Recorded| {
            end = match cut.is_some_and(|cut| event.position >= cut) {
                true => Ok(true),
                false => self.apply(event).map(|()| false),
            };
            match end {
                Ok(false) => ControlFlow::Continue(()),
                _ => ControlFlow::Break(()),
            }
        };
        store.events().for_each(read, apply).await?;
        end
    }
}

/// Loads a state as it is, or, with `cut`, of the events before that place.
pub(super) async fn load<S: State>(
    store: &Store,
    id: &str,
    cut: Option<Position>,
) -> Result<Loaded<S>> {
    let source = S::source(id);
    let how = S::snapshots();
    let mut folding = match &how {
        Some(how) => from_snapshot(store, id, how, cut).await,
        None => None,
    }
    .unwrap_or_else(|| initial(id));
    match &source {
        Source::Stream(stream) => fold_stream(store, stream, cut, &mut folding).await?,
        Source::Query(query) => {
            fold_all(store, Filter::query(query.clone()), cut, &mut folding).await?;
        }
    }
    if let Some(how) = how
        && folding.events >= how.every
    {
        save(store, id, &how, &folding);
    }
    Ok(Loaded {
        version: folding.version,
        position: folding.next,
        boundary: match source {
            Source::Stream(stream) => Boundary::Stream {
                stream,
                expected: folding.version.map_or(Expected::NoStream, Expected::Exact),
            },
            Source::Query(query) => Boundary::Query {
                query,
                from: folding.next,
            },
        },
        state: folding.state,
    })
}

fn initial<S: State>(id: &str) -> Folding<S> {
    Folding {
        state: S::initial(id),
        version: None,
        next: Position(0),
        events: 0,
    }
}

/// Loads a state of a stream as it was.
pub(super) async fn load_at<S: State>(store: &Store, id: &str, until: Until) -> Result<Loaded<S>> {
    let Source::Stream(stream) = S::source(id) else {
        let message = format!("{} is made of no stream", S::NAME);
        return Err(crate::error::Error::invalid(message)
            .with_hint("states at a version or time are those of one stream"));
    };
    let mut folding = initial::<S>(id);
    folding
        .read(store, ReadStream::of(&stream).until(until), None)
        .await?;
    Ok(Loaded {
        version: folding.version,
        position: folding.next,
        boundary: Boundary::Stream {
            stream,
            expected: folding.version.map_or(Expected::NoStream, Expected::Exact),
        },
        state: folding.state,
    })
}

async fn fold_stream<S: State>(
    store: &Store,
    stream: &str,
    cut: Option<Position>,
    folding: &mut Folding<S>,
) -> Result<()> {
    loop {
        let from = folding.version.map_or(Version(0), |v| Version(v.0 + 1));
        let before = folding.events;
        let page = ReadStream::of(stream).from(from).limit(PAGE);
        let is_cut = folding.read(store, page, cut).await?;
        if is_cut || folding.events - before < PAGE as u64 {
            return Ok(());
        }
    }
}

async fn fold_all<S: State>(
    store: &Store,
    filter: Filter,
    cut: Option<Position>,
    folding: &mut Folding<S>,
) -> Result<()> {
    loop {
        let page = store.read_all(folding.next, filter.clone(), PAGE).await?;
        for event in &page.events {
            if cut.is_some_and(|cut| event.position >= cut) {
                break;
            }
            folding.apply(event)?;
        }
        let end = cut.map_or(page.end, |cut| cut.min(page.end));
        folding.next = page.next.min(end).max(folding.next);
        if page.next >= end {
            return Ok(());
        }
    }
}

/// The state that was saved, if it is of this schema, can be read, and is of events before `cut`.
async fn from_snapshot<S: State>(
    store: &Store,
    id: &str,
    how: &Snapshotting<S>,
    cut: Option<Position>,
) -> Option<Folding<S>> {
    let saved = match store.snapshots().get(&key::<S>(id)).await {
        Ok(saved) => saved?,
        Err(error) => {
            tracing::warn!(%error, name = S::NAME, "snapshot cannot be read; all events are");
            return None;
        }
    };
    if saved.schema != how.schema || cut.is_some_and(|cut| saved.next > cut) {
        return None;
    }
    match (how.decode)(&saved.state) {
        Ok(state) => Some(Folding {
            state,
            version: saved.version,
            next: saved.next,
            events: 0,
        }),
        Err(error) => {
            tracing::warn!(%error, name = S::NAME, "snapshot cannot be read; all events are");
            None
        }
    }
}

fn save<S: State>(store: &Store, id: &str, how: &Snapshotting<S>, folding: &Folding<S>) {
    match (how.encode)(&folding.state) {
        Ok(state) => store.snapshots().put(
            &key::<S>(id),
            Snapshot {
                schema: how.schema,
                version: folding.version,
                next: folding.next,
                state: state.into(),
            },
        ),
        Err(error) => tracing::warn!(%error, name = S::NAME, "state cannot be saved"),
    }
}

fn key<S: State>(id: &str) -> String {
    format!("{}-{id}", S::NAME)
}
