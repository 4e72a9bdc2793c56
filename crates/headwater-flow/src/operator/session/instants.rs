//! The sessions of every key, for input that deletes rows: each time of a key is kept, so that a session can fall
//! apart. Knows times and slots, no columns. The rules are those of [`super::sessions`].

use std::collections::BTreeMap;

use super::due::Due;
use super::frame::Place;
use crate::error::Result;
use crate::state::{KeyTable, Paged, StateVisitor};

/// Small pages: an instant map is large itself.
const PAGE_BITS: usize = 6;

/// A maximal run of times that are at most a gap apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) key: u32,
    pub(super) start: i64,
    pub(super) end: i64,
    /// The slots of its times.
    pub(super) slots: Vec<u32>,
}

/// The times of every key.
///
/// Invariant: a time is there if and only if the weights of its rows do not add up to zero.
#[derive(Debug)]
pub(super) struct Instants {
    gap: i64,
    pub(super) keys: KeyTable,
    /// By key, time to slot and the sum of its rows' weights.
    times: Paged<BTreeMap<i64, (u32, i64)>, PAGE_BITS>,
    /// By key, the highest end closed so far.
    closed: Paged<i64>,
    /// One more than the highest slot in use.
    slots: u32,
    free: Vec<u32>,
    /// Slots whose rows are all deleted; freed when their columns are cleared.
    gone: Vec<u32>,
    pub(super) due: Due,
}

impl Instants {
    pub(super) fn new(gap: i64, key_width: Option<usize>) -> Self {
        Self {
            gap,
            keys: KeyTable::new(key_width),
            times: Paged::new(),
            closed: Paged::new(),
            slots: 0,
            free: Vec::new(),
            gone: Vec::new(),
            due: Due::new(gap / 8),
        }
    }

    /// What columns must grow to.
    pub(super) fn slots(&self) -> usize {
        self.slots as usize
    }

    /// A slot for any use, until it is [given back](Self::give_back).
    pub(super) fn take_slot(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.slots += 1;
            self.slots - 1
        })
    }

    pub(super) fn give_back(&mut self, slots: &[u32]) {
        self.free.extend_from_slice(slots);
    }

    /// The number of a key.
    pub(super) fn key(&mut self, bytes: &[u8]) -> u32 {
        let (key, new) = self.keys.intern_new(bytes);
        if new {
            self.times.grow(self.keys.slots());
            self.closed.grow(self.keys.slots());
            *self.closed.get_mut(key) = i64::MIN;
            self.due.add(i64::MIN, key);
        }
        key
    }

    /// Whether a row may still come in or go, for a bound that has closed all sessions ending at or before `through`.
    pub(super) fn judge(
        &self,
        key: u32,
        (time, weight): (i64, i64),
        through: i64,
    ) -> Option<(i64, i64)> {
        let times = self.times.get(key);
        let high = time.saturating_add(self.gap);
        let late = Some((time, high));
        let there = times.get(&time).is_some_and(|(_, rows)| *rows > 0);
        if time <= *self.closed.get(key) || (weight < 0 && !there) {
            return late;
        }
        let low = time.saturating_sub(self.gap);
        let before = times.range(low..=time).next_back().map(|(t, _)| *t);
        let after = times.range(time..=high).next().map(|(t, _)| *t);
        let closed_from =
            |from: Option<i64>| from.is_some_and(|t| self.is_closed(times, t, through));
        if closed_from(before) || closed_from(after) {
            return late;
        }
        match (before, after) {
            (None, None) => late.filter(|_| high <= through),
            (None, Some(_)) => late.filter(|_| high.saturating_add(self.gap) <= through),
            (Some(_), _) => None,
        }
    }

    /// Whether the session of `time` ends at or before `through`.
    fn is_closed(&self, times: &BTreeMap<i64, (u32, i64)>, time: i64, through: i64) -> bool {
        let mut last = time;
        for next in times.range(time..).map(|(t, _)| *t) {
            if last.saturating_add(self.gap) > through || next - last > self.gap {
                break;
            }
            last = next;
        }
        last.saturating_add(self.gap) <= through
    }

    /// Adds the weight of a row to its time.
    pub(super) fn place(&mut self, key: u32, (time, weight): (i64, i64), through: i64) -> Place {
        if let Some((start, end)) = self.judge(key, (time, weight), through) {
            return Place::Late(start, end);
        }
        let known = self.times.get(key).get(&time).map(|(slot, _)| *slot);
        let slot = known.unwrap_or_else(|| self.take_slot());
        let times = self.times.get_mut(key);
        let (_, rows) = times.entry(time).or_insert((slot, 0));
        *rows += weight;
        if *rows == 0 {
            times.remove(&time);
            self.gone.push(slot);
        }
        Place::In(slot)
    }

    /// Takes out the slots whose rows are all deleted, to be cleared and [given back](Self::give_back).
    pub(super) fn take_gone(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.gone)
    }

    /// The sessions of a key, by time.
    pub(super) fn chains(&self, key: u32) -> Vec<Chain> {
        let mut chains: Vec<Chain> = Vec::new();
        for (time, (slot, rows)) in self.times.get(key) {
            if *rows <= 0 {
                continue;
            }
            let end = time.saturating_add(self.gap);
            match chains.last_mut() {
                Some(chain) if *time <= chain.end => {
                    chain.end = end;
                    chain.slots.push(*slot);
                }
                _ => chains.push(Chain {
                    key,
                    start: *time,
                    end,
                    slots: vec![*slot],
                }),
            }
        }
        chains
    }

    /// Notes when the key must be looked at again.
    pub(super) fn expect(&mut self, key: u32) {
        let next = match self.chains(key).first() {
            Some(chain) => chain.end,
            None => self.forgettable(key),
        };
        self.due.add(next, key);
    }

    fn forgettable(&self, key: u32) -> i64 {
        let closed = *self.closed.get(key);
        closed.saturating_add(self.gap).saturating_add(self.gap)
    }

    /// The sessions that end at or before `through`. Keys that have none and need not be remembered are forgotten.
    pub(super) fn closing(&mut self, through: i64) -> Vec<Chain> {
        let mut due = self.due.take(through);
        due.sort_unstable();
        due.dedup();
        let mut closing = Vec::new();
        for key in due {
            if !self.keys.is_live(key) {
                continue;
            }
            let mut chains = self.chains(key);
            chains.retain(|chain| chain.end <= through);
            let idle = chains.is_empty() && self.times.get(key).is_empty();
            if idle && self.forgettable(key) <= through {
                self.keys.remove(key);
            } else if chains.is_empty() {
                self.expect(key);
            }
            closing.append(&mut chains);
        }
        closing
    }

    /// Forgets a closed session; its slots are to be cleared and given back.
    pub(super) fn close(&mut self, chain: &Chain) {
        let last = chain.end.saturating_sub(self.gap);
        let times = self.times.get_mut(chain.key);
        let inside: Vec<i64> = times.range(chain.start..=last).map(|(t, _)| *t).collect();
        for time in inside {
            times.remove(&time);
        }
        let closed = self.closed.get_mut(chain.key);
        *closed = (*closed).max(chain.end);
        self.expect(chain.key);
    }

    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("keys", &mut self.keys)?;
        visitor.column("times", &mut self.times)?;
        visitor.column("closed", &mut self.closed)
    }

    /// Rebuilds what is derived from restored state; columns have `slots` slots.
    pub(super) fn restored(&mut self, slots: usize) {
        self.due.clear();
        self.gone.clear();
        self.slots = slots as u32;
        let mut used = vec![false; slots];
        let live: Vec<u32> = self.keys.live_slots().collect();
        for key in live {
            for (slot, _) in self.times.get(key).values() {
                if let Some(used) = used.get_mut(*slot as usize) {
                    *used = true;
                }
            }
            self.expect(key);
        }
        let unused = used.iter().enumerate().rev().filter(|(_, used)| !**used);
        self.free = unused.map(|(slot, _)| slot as u32).collect();
    }
}
