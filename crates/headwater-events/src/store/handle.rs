//! [`Store`]: what users hold of an event store.

use std::collections::BTreeMap;
use std::sync::Arc;

use headwater_log::Version;

use super::append::{Append, Appended, Expected, Lifecycle, Write};
use super::filter::Filter;
use super::read::{Page, ReadAll, ReadStream};
use super::seam::EventStore;
use super::subscription::Subscription;
use crate::aggregate::{NoSnapshots, Snapshots};
use crate::error::Result;
use crate::event::{NewEvent, Position, Recorded};

/// Events that are looked at a time when streams are listed.
const PAGE: usize = 4096;

/// What users hold of an event store. Cheap to clone.
///
/// ```
/// use std::sync::Arc;
/// use headwater_events::{Expected, NewEvent, ReadStream, Store, Version, block_on};
/// use headwater_log::{Log, ManualClock, Timestamp};
/// let log = Log::memory(Arc::new(ManualClock::new(Timestamp(0))));
/// let store = Store::on_log(log, "events")?;
/// let event = NewEvent::new("deposited", r#"{"amount":10}"#);
/// let appended = block_on(store.append_to("account-7", Expected::NoStream, [event]))?;
/// assert_eq!(appended.versions, [Some(Version(0))]);
/// assert_eq!(block_on(store.read(ReadStream::of("account-7")))?.len(), 1);
/// # Ok::<(), headwater_events::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Store {
    events: Arc<dyn EventStore>,
    snapshots: Arc<dyn Snapshots>,
    name: Option<Arc<str>>,
}

/// What a list of streams says of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamInfo {
    /// Its name.
    pub stream: String,
    /// How many events it has.
    pub events: u64,
    /// The place of its newest event.
    pub position: Position,
    /// Whether it takes events.
    pub lifecycle: Lifecycle,
}

impl Store {
    /// A handle on a store that saves no states.
    pub fn new(events: Arc<dyn EventStore>) -> Self {
        Self {
            events,
            snapshots: Arc::new(NoSnapshots),
            name: None,
        }
    }

    /// Names it, where several stores keep their positions side by side: the topics of a log do.
    #[must_use]
    pub fn named(mut self, name: &str) -> Self {
        self.name = Some(name.into());
        self
    }

    /// Its name, if it was given one.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Saves states there, of those types that say [how](crate::State::snapshots).
    #[must_use]
    pub fn with_snapshots(mut self, snapshots: Arc<dyn Snapshots>) -> Self {
        self.snapshots = snapshots;
        self
    }

    /// The same with what stands for its parts.
    pub(crate) fn wrap(
        self,
        events: impl FnOnce(Arc<dyn EventStore>) -> Arc<dyn EventStore>,
        snapshots: impl FnOnce(Arc<dyn Snapshots>) -> Arc<dyn Snapshots>,
    ) -> Self {
        Self {
            events: events(self.events),
            snapshots: snapshots(self.snapshots),
            name: self.name,
        }
    }

    /// Where states are saved.
    pub(crate) fn snapshots(&self) -> &dyn Snapshots {
        &*self.snapshots
    }

    /// The store behind it.
    pub fn events(&self) -> &Arc<dyn EventStore> {
        &self.events
    }

    /// Appends events: see [`EventStore::append`].
    ///
    /// # Errors
    /// `Conflict`, `Invalid`, `Unavailable`.
    pub async fn append(&self, append: Append) -> Result<Appended> {
        append.check_types()?;
        self.events.append(append).await
    }

    /// Appends events to one stream.
    ///
    /// # Errors
    /// As [`append`](Self::append).
    pub async fn append_to(
        &self,
        stream: impl Into<String>,
        expected: Expected,
        events: impl IntoIterator<Item = NewEvent>,
    ) -> Result<Appended> {
        self.append(Append::new().to(stream, expected, events))
            .await
    }

    /// Archives or deletes a stream, or opens an archived one again.
    ///
    /// # Errors
    /// `Conflict` if it does not have the expected version or was deleted.
    pub async fn close(
        &self,
        stream: impl Into<String>,
        expected: Expected,
        lifecycle: Lifecycle,
    ) -> Result<Appended> {
        let write = Write {
            stream: stream.into(),
            expected,
            events: Vec::new(),
            lifecycle: Some(lifecycle),
        };
        self.append(Append {
            writes: vec![write],
            ..Append::default()
        })
        .await
    }

    /// The events of one stream.
    ///
    /// # Errors
    /// `NotFound` if the stream was deleted, `Corrupt`, `Unavailable`.
    pub async fn read(&self, read: ReadStream) -> Result<Vec<Recorded>> {
        self.events.read(read).await
    }

    /// A page of the events of all streams.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn read_all(&self, from: Position, filter: Filter, limit: usize) -> Result<Page> {
        let read = ReadAll {
            from,
            filter,
            limit,
        };
        self.events.read_all(read).await
    }

    /// The position that the next event will get.
    ///
    /// # Errors
    /// `Unavailable`.
    pub async fn end(&self) -> Result<Position> {
        let page = self.read_all(Position(0), Filter::all(), 0).await?;
        Ok(page.end)
    }

    /// Follows events from a place into the present.
    pub fn subscribe(&self, from: Position, filter: Filter) -> Subscription {
        Subscription::new(Arc::clone(&self.events), from, filter)
    }

    /// The event at a place, if there is one.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn event_at(&self, position: Position) -> Result<Option<Recorded>> {
        let page = self.read_all(position, Filter::all(), 1).await?;
        let event = page.events.into_iter().next();
        Ok(event.filter(|e| e.position == position))
    }

    /// The streams whose names begin with `prefix`, by name. Reads all events.
    ///
    /// # Errors
    /// `Corrupt`, `Unavailable`.
    pub async fn streams(&self, prefix: &str) -> Result<Vec<StreamInfo>> {
        use crate::event::{CLOSED, OPENED};
        let lifecycles = Filter::all().types([CLOSED, OPENED]);
        let mut streams: BTreeMap<String, StreamInfo> = BTreeMap::new();
        for filter in [Filter::all(), lifecycles] {
            let filter = filter.streams(prefix);
            let mut from = Position(0);
            loop {
                let page = self.read_all(from, filter.clone(), PAGE).await?;
                for event in page.events {
                    note(&mut streams, event);
                }
                from = page.next;
                if from >= page.end {
                    break;
                }
            }
        }
        Ok(streams.into_values().collect())
    }

    /// The version of a stream's newest event; `None`: it has none.
    ///
    /// # Errors
    /// As [`read`](Self::read).
    pub async fn version(&self, stream: &str) -> Result<Option<Version>> {
        let newest = self
            .read(ReadStream::of(stream).backward().limit(1))
            .await?;
        Ok(newest.first().and_then(|event| event.version))
    }
}

/// Adds an event to what a list says of its stream.
fn note(streams: &mut BTreeMap<String, StreamInfo>, event: Recorded) {
    let lifecycle = match event.is_system() {
        true => lifecycle_of(&event),
        false => None,
    };
    let new = || StreamInfo {
        stream: event.stream.clone(),
        events: 0,
        position: event.position,
        lifecycle: Lifecycle::Open,
    };
    let info = streams.entry(event.stream.clone()).or_insert_with(new);
    info.events += 1;
    info.position = info.position.max(event.position);
    info.lifecycle = lifecycle.unwrap_or(info.lifecycle);
}

/// What an event of the store's own makes of its stream.
pub(crate) fn lifecycle_of(event: &Recorded) -> Option<Lifecycle> {
    lifecycle(&event.kind, &event.data)
}

/// What an event of a type and with data makes of its stream.
pub(crate) fn lifecycle(kind: &str, data: &[u8]) -> Option<Lifecycle> {
    #[derive(serde::Deserialize)]
    struct Closed {
        r#as: Lifecycle,
    }
    match kind {
        crate::event::CLOSED => serde_json::from_slice::<Closed>(data).ok().map(|c| c.r#as),
        crate::event::OPENED => Some(Lifecycle::Open),
        _ => None,
    }
}
