//! The sessions of every key, for input that deletes rows: each row of a key is kept, so that a session can fall apart
//! and a deletion finds its row. Knows times, bytes and slots, no columns. The rules are those of [`super::sessions`].

use std::collections::BTreeMap;
use std::ops::Bound;

use super::due::Due;
use super::frame::Place;
use crate::error::Result;
use crate::state::{KeyTable, Paged, StateVisitor, other_layout};

/// Small pages: an instant map is large itself.
const PAGE_BITS: usize = 6;

/// A maximal run of times that are at most a gap apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Chain {
    pub(super) key: u32,
    pub(super) start: i64,
    pub(super) end: i64,
    /// The slots of its rows.
    pub(super) slots: Vec<u32>,
}

/// The time of a row and its bytes: rows with the same can stand for each other.
type Row = (i64, Box<[u8]>);

/// By row its slot and how often it is there.
type Rows = BTreeMap<Row, (u32, i64)>;

/// The first row that `time` could have.
fn first_at(time: i64) -> Row {
    (time, Box::default())
}

/// The times of rows from `low` to `high`.
fn times(rows: &Rows, low: i64, high: i64) -> impl DoubleEndedIterator<Item = i64> + '_ {
    let after = first_at(high.saturating_add(1));
    rows.range(first_at(low)..after).map(|((time, _), _)| *time)
}

/// The rows of every key.
///
/// Invariant: a row is there as often as it came in less often than it was deleted, and at least once.
#[derive(Debug)]
pub(super) struct Instants {
    gap: i64,
    pub(super) keys: KeyTable,
    /// By key, its rows.
    rows: Paged<Rows, PAGE_BITS>,
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
            rows: Paged::new(),
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
            self.rows.grow(self.keys.slots());
            self.closed.grow(self.keys.slots());
            *self.closed.get_mut(key) = i64::MIN;
            self.due.add(i64::MIN, key);
        }
        key
    }

    /// Whether a row can no longer come in or go, for a bound that has closed all sessions ending at or before `through`.
    fn is_late(&self, key: u32, row: &Row, weight: i64, through: i64) -> bool {
        let (rows, time) = (self.rows.get(key), row.0);
        let there = rows.get(row).map_or(0, |(_, count)| *count);
        if time <= *self.closed.get(key) || there + weight < 0 {
            return true;
        }
        let low = time.saturating_sub(self.gap);
        let high = time.saturating_add(self.gap);
        let before = times(rows, low, time).next_back();
        let after = times(rows, time, high).next();
        let closed = |from: Option<i64>| from.is_some_and(|t| self.is_closed(rows, t, through));
        if closed(before) || closed(after) {
            return true;
        }
        if weight < 0 {
            return there + weight == 0 && self.leaves_closed(rows, row, through);
        }
        match (before, after) {
            (None, None) => high <= through,
            (None, Some(_)) => high.saturating_add(self.gap) <= through,
            (Some(_), _) => false,
        }
    }

    /// Whether without `row` its session would end at or before `through`, or fall apart into one that does: it would have
    /// had to be closed before.
    fn leaves_closed(&self, rows: &Rows, row: &Row, through: i64) -> bool {
        let before = rows.range(..row).next_back().map(|((t, _), _)| *t);
        let after = rows.range((Bound::Excluded(row), Bound::Unbounded));
        let after = { after }.next().map(|((t, _), _)| *t);
        let Some(end) = before.map(|t| t.saturating_add(self.gap)) else {
            return false;
        };
        row.0 <= end && after.is_none_or(|t| t > end) && end <= through
    }

    /// Whether the session of `time` ends at or before `through`.
    fn is_closed(&self, rows: &Rows, time: i64, through: i64) -> bool {
        let mut last = time;
        for next in times(rows, time, i64::MAX) {
            if last.saturating_add(self.gap) > through || next - last > self.gap {
                break;
            }
            last = next;
        }
        last.saturating_add(self.gap) <= through
    }

    /// Adds or takes away a row of these bytes.
    pub(super) fn place(
        &mut self,
        key: u32,
        (time, bytes): (i64, &[u8]),
        weight: i64,
        through: i64,
    ) -> Place {
        let row = (time, bytes.into());
        if self.is_late(key, &row, weight, through) {
            return Place::Late;
        }
        let known = self.rows.get(key).get(&row).map(|(slot, _)| *slot);
        let slot = known.unwrap_or_else(|| self.take_slot());
        let rows = self.rows.get_mut(key);
        let count = known.map_or(0, |_| rows[&row].1) + weight;
        if count == 0 {
            rows.remove(&row);
            self.gone.push(slot);
        } else {
            rows.insert(row, (slot, count));
        }
        Place::In(slot)
    }

    /// Takes out the slots whose rows are all deleted, to be cleared and [given back](Self::give_back).
    pub(super) fn take_gone(&mut self) -> Vec<u32> {
        std::mem::take(&mut self.gone)
    }

    /// The sessions of a key, by time.
    pub(super) fn chains(&self, key: u32) -> impl Iterator<Item = Chain> + '_ {
        let mut rows = self.rows.get(key).iter().peekable();
        std::iter::from_fn(move || {
            let ((start, _), (slot, _)) = rows.next()?;
            let mut chain = Chain {
                key,
                start: *start,
                end: start.saturating_add(self.gap),
                slots: vec![*slot],
            };
            while let Some(((time, _), (slot, _))) = rows.next_if(|(r, _)| r.0 <= chain.end) {
                chain.end = time.saturating_add(self.gap);
                chain.slots.push(*slot);
            }
            Some(chain)
        })
    }

    /// Notes when the key must be looked at again.
    pub(super) fn expect(&mut self, key: u32) {
        let next = match self.chains(key).next() {
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
            let chains = self.chains(key);
            let mut chains: Vec<Chain> = chains.take_while(|c| c.end <= through).collect();
            let idle = chains.is_empty() && self.rows.get(key).is_empty();
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
        let rows = self.rows.get_mut(chain.key);
        let (from, to) = (first_at(chain.start), first_at(last.saturating_add(1)));
        while let Some((row, _)) = rows.range(&from..&to).next() {
            let row = row.clone();
            rows.remove(&row);
        }
        let closed = self.closed.get_mut(chain.key);
        *closed = (*closed).max(chain.end);
        self.expect(chain.key);
    }

    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("keys", &mut self.keys)?;
        visitor.column("times", &mut self.rows)?;
        visitor.column("closed", &mut self.closed)
    }

    /// Rebuilds what is derived from restored state; columns have `slots` slots.
    ///
    /// # Errors
    /// `Corrupt` if keys lack what is stored with them.
    pub(super) fn restored(&mut self, slots: usize) -> Result<()> {
        if self.rows.len().min(self.closed.len()) < self.keys.slots() {
            return Err(other_layout("keys of sessions without their rows"));
        }
        self.due.clear();
        self.gone.clear();
        self.slots = slots as u32;
        let mut used = vec![false; slots];
        let live: Vec<u32> = self.keys.live_slots().collect();
        for key in live {
            for (slot, _) in self.rows.get(key).values() {
                if let Some(used) = used.get_mut(*slot as usize) {
                    *used = true;
                }
            }
            self.expect(key);
        }
        let unused = used.iter().enumerate().rev().filter(|(_, used)| !**used);
        self.free = unused.map(|(slot, _)| slot as u32).collect();
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;
    use crate::state::{FrozenState, SavedState};

    /// What `write` visits, restored as rows of keys.
    fn restore(write: impl FnOnce(&mut StateVisitor<'_>) -> Result<()>) -> Result<()> {
        let bytes = FrozenState::freeze(true, write)?.encode()?;
        let mut saved = SavedState::default();
        saved.overlay(&bytes)?;
        let mut instants = Instants::new(10, None);
        saved.restore(|v| instants.visit_state(v))?;
        instants.restored(4)
    }

    #[test]
    fn sessions_of_an_earlier_layout_are_refused_with_a_clear_sentence() {
        let mut keys = KeyTable::new(None);
        keys.intern(b"a");
        let mut closed = Paged::<i64>::new();
        closed.grow(1);
        // Rows once were known by their times alone.
        let mut times = Paged::<BTreeMap<i64, (u32, i64)>, PAGE_BITS>::new();
        times.grow(1);
        times.get_mut(0).insert(5, (0, 1));
        let earlier = restore(|v| {
            v.column("keys", &mut keys)?;
            v.column("times", &mut times)?;
            v.column("closed", &mut closed)
        });
        let lacking = restore(|v| v.column("keys", &mut keys));
        for (refused, what) in [(earlier, "column 'times'"), (lacking, "without their rows")] {
            let error = refused.expect_err("another layout");
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            let text = error.to_string();
            assert!(
                text.starts_with("the stored state has another layout"),
                "{text}"
            );
            assert!(text.contains(what), "{text}");
        }
    }
}
