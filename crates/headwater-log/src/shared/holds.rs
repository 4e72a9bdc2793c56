//! Readers that want partitions as they were at a moment, for as long as they read. Kept in memory only: a pin is for who
//! reads again after a restart.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A partition: id of its topic, and its number.
pub(crate) type PartitionId = (u64, u32);

/// Where a partition was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Held {
    /// Retention takes nothing from here on.
    pub(crate) start: u64,
    /// Compaction compares nothing from here on with what is before it.
    pub(crate) end: u64,
}

/// What is held.
#[derive(Debug, Default)]
pub(crate) struct Holds(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    next: u64,
    /// By reader its partitions; `None`: everything, until it has looked where they are.
    holds: BTreeMap<u64, Option<BTreeMap<PartitionId, Held>>>,
}

impl Holds {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Holds everything; gives what the other calls take.
    pub(crate) fn begin(&self) -> u64 {
        let mut state = self.lock();
        state.next += 1;
        let id = state.next;
        state.holds.insert(id, None);
        id
    }

    /// From now on holds just these, and partitions that come later not at all.
    pub(crate) fn settle(&self, id: u64, partitions: BTreeMap<PartitionId, Held>) {
        self.lock().holds.insert(id, Some(partitions));
    }

    pub(crate) fn end(&self, id: u64) {
        self.lock().holds.remove(&id);
    }

    /// What of a partition is held by anyone: the lowest start and end.
    pub(crate) fn of(&self, partition: PartitionId) -> Held {
        let free = Held {
            start: u64::MAX,
            end: u64::MAX,
        };
        let state = self.lock();
        let held = state.holds.values().map(|hold| match hold {
            None => Held { start: 0, end: 0 },
            Some(partitions) => partitions.get(&partition).copied().unwrap_or(free),
        });
        held.fold(free, |a, b| Held {
            start: a.start.min(b.start),
            end: a.end.min(b.end),
        })
    }
}
