//! A store in memory with a clock that the test moves.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::{Log, ManualClock, Timestamp};

use crate::aggregate::{Decide, ExecuteError, Executed, State, States};
use crate::error::Result;
use crate::projection::{Handler, HandlerView, ProjectionId, Projector, Turn};
use crate::store::{Expected, Filter, Store};
use crate::task::block_on;
use crate::typed::Event;

/// A store in memory with a clock that the test moves.
#[derive(Debug)]
pub struct World {
    clock: Arc<ManualClock>,
    log: Log,
    store: Store,
}

impl World {
    /// An empty store, at a time.
    ///
    /// # Panics
    /// Never, as far as memory lasts.
    pub fn at(now: Timestamp) -> Self {
        let clock = Arc::new(ManualClock::new(now));
        let log = Log::memory(clock.clone());
        let store = Store::on_log(log.clone(), "events").expect("a store in memory");
        Self { clock, log, store }
    }

    /// The store.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The log that it is in.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The clock.
    pub fn clock(&self) -> &Arc<ManualClock> {
        &self.clock
    }

    /// Time goes by.
    pub fn advance(&self, time: Duration) {
        let ms = i64::try_from(time.as_millis()).unwrap_or(i64::MAX);
        self.clock.advance(ms);
    }

    /// These events have happened to a state's stream.
    ///
    /// # Panics
    /// If they cannot be stored.
    #[track_caller]
    pub fn given<S: State>(&self, id: &str, events: impl IntoIterator<Item = S::Event>) {
        let events: Result<Vec<_>> = events.into_iter().map(|e| e.to_new()).collect();
        let stream = format!("{}-{id}", S::NAME);
        let events = events.expect("events that can be written");
        let appended = self.store.append_to(stream, Expected::Any, events);
        block_on(appended).expect("events that can be stored");
    }

    /// Executes a command.
    ///
    /// # Errors
    /// [`ExecuteError`].
    pub fn when<'a, D: Decide + 'a>(
        &'a self,
        ids: <D::State as States>::Ids<'a>,
        command: D,
    ) -> Result<Executed, ExecuteError<D::Error>> {
        block_on(self.store.execute(ids, command).into_future())
    }

    /// A state as it is now.
    ///
    /// # Panics
    /// If it cannot be read.
    #[track_caller]
    pub fn state<S: State>(&self, id: &str) -> S {
        block_on(self.store.load(id))
            .expect("a state that can be read")
            .state
    }

    /// Lets a handler have all events that it has not had, as the projection of a name.
    ///
    /// # Panics
    /// If an event is parked, or the store fails.
    #[track_caller]
    pub fn project<H: Handler>(&self, name: &str, filter: Filter, handler: H) {
        let id = ProjectionId::new(name);
        let view = HandlerView::new(self.store.clone(), id.clone(), handler);
        let mut projector = Projector::new(self.store.clone(), id, filter, view);
        while block_on(projector.turn()).expect("a turn") == Turn::More {}
        let parked = block_on(projector.parked()).expect("what is parked");
        assert_eq!(parked, [], "events were parked");
    }
}
