//! The sagas that have not ended, as the runner knows them, and when each needs something.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use headwater_log::Timestamp;

use super::journal::Entry;
use super::state::{Mode, SagaState};
use crate::event::Position;

/// A saga that has not ended.
#[derive(Debug)]
pub(super) struct Tracked {
    pub(super) state: SagaState,
    /// The place of its newest event that is in `state`.
    pub(super) seen: Position,
    /// Where it began.
    start: Position,
    due: Option<Timestamp>,
}

/// The sagas that have not ended.
///
/// Invariants: `timers` holds exactly the `due` of each saga; `starts` the start of each.
#[derive(Debug, Default)]
pub(super) struct Active {
    sagas: HashMap<String, Tracked>,
    timers: BTreeSet<(Timestamp, String)>,
    starts: BTreeMap<Position, String>,
    /// Sagas to be looked at.
    ready: BTreeSet<String>,
    /// Calls that this process has made: saga, step key and attempt.
    pub(super) called: HashSet<(String, u32)>,
    /// Everything before this was read.
    pub(super) read_to: Position,
}

impl Active {
    /// None that is known, and nothing read before `position`.
    pub(super) fn beginning_at(position: Position) -> Self {
        Self {
            read_to: position,
            ..Self::default()
        }
    }

    /// Takes in what was read of the journals.
    pub(super) fn take(&mut self, entries: Vec<Entry>, next: Position) {
        for entry in entries {
            let new = || Tracked {
                state: SagaState::new(&entry.saga),
                seen: Position(0),
                start: entry.position,
                due: None,
            };
            let is_new = !self.sagas.contains_key(&entry.saga);
            if is_new && !matches!(entry.event, super::SagaEvent::Started { .. }) {
                // The rest of one that ended.
                continue;
            }
            let tracked = self.sagas.entry(entry.saga.clone()).or_insert_with(new);
            if is_new {
                self.starts.insert(entry.position, entry.saga.clone());
            } else if entry.position <= tracked.seen {
                continue;
            }
            tracked.state.evolve(&entry.event, entry.at);
            tracked.seen = entry.position;
            if tracked.state.mode.is_final() {
                self.end(&entry.saga);
            } else {
                self.ready.insert(entry.saga);
            }
        }
        self.read_to = next;
    }

    pub(super) fn get(&self, saga: &str) -> Option<&Tracked> {
        self.sagas.get(saga)
    }

    /// A saga has come to `state` by an append whose last event is at `seen`.
    pub(super) fn set(&mut self, state: SagaState, seen: Position) {
        let saga = state.id.clone();
        let Some(tracked) = self.sagas.get_mut(&saga) else {
            return;
        };
        if seen <= tracked.seen {
            return;
        }
        tracked.state = state;
        tracked.seen = seen;
        if tracked.state.mode.is_final() {
            self.end(&saga);
        }
    }

    fn end(&mut self, saga: &str) {
        self.wake_at(saga, None);
        if let Some(tracked) = self.sagas.remove(saga) {
            self.starts.remove(&tracked.start);
        }
        self.ready.remove(saga);
        let prefix = format!("{saga}/");
        self.called.retain(|(key, _)| !key.starts_with(&prefix));
    }

    /// When a saga is to be looked at again.
    pub(super) fn wake_at(&mut self, saga: &str, due: Option<Timestamp>) {
        let Some(tracked) = self.sagas.get_mut(saga) else {
            return;
        };
        if let Some(old) = std::mem::replace(&mut tracked.due, due) {
            self.timers.remove(&(old, saga.to_owned()));
        }
        if let Some(due) = due {
            self.timers.insert((due, saga.to_owned()));
        }
    }

    /// A saga is to be looked at at once.
    pub(super) fn look_at(&mut self, saga: String) {
        if self.sagas.contains_key(&saga) {
            self.ready.insert(saga);
        }
    }

    /// The next saga to be looked at.
    pub(super) fn next_ready(&mut self, now: Timestamp) -> Option<String> {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((_, saga)) = self.timers.pop_first()
        {
            if let Some(tracked) = self.sagas.get_mut(&saga) {
                tracked.due = None;
            }
            self.ready.insert(saga);
        }
        self.ready.pop_first()
    }

    /// When something is due that is not yet.
    pub(super) fn next_due(&self) -> Option<Timestamp> {
        self.timers.first().map(|(due, _)| *due)
    }

    /// The place before which all sagas have ended.
    pub(super) fn low_water(&self) -> Position {
        let first = self.starts.keys().next();
        first.copied().unwrap_or(self.read_to)
    }

    /// Whether all sagas by a definition have ended or wait for a person.
    pub(super) fn rest(&self, definition: &str) -> bool {
        let mut its = self.sagas.values().map(|t| &t.state);
        its.all(|saga| saga.definition != definition || saga.mode == Mode::Parked)
    }

    /// How many have not ended, and how many of them wait for a person.
    pub(super) fn counts(&self) -> (usize, usize) {
        let parked = self.sagas.values().filter(|t| t.state.mode == Mode::Parked);
        (self.sagas.len(), parked.count())
    }
}
