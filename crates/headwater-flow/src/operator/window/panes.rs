//! The groups of a window aggregate: one slot a pane and key.

use std::collections::BTreeMap;

use super::windows::Run;
use crate::error::{Error, ErrorKind, Result};
use crate::state::{KeyTable, Keys, StateVisitor};

/// Bytes of a bound of a run.
const WIDTH: usize = 8;

/// Slots by pane and key. The bytes of a slot are the bounds of the pane's run, from the highest byte on and the sign
/// inverted, so that they compare as the runs do, and then the key.
///
/// Invariant: a live slot is in the list of its pane once.
#[derive(Debug)]
pub(super) struct Panes {
    keys: KeyTable,
    /// By run, the slots in no order. Derived.
    slots: BTreeMap<Run, Vec<u32>>,
    scratch: Vec<u8>,
}

/// The bytes before the key.
const PREFIX: usize = 2 * WIDTH;

impl Panes {
    /// Panes of groups with keys of `width` bytes, if they are all equally long.
    pub(super) fn new(width: Option<usize>) -> Self {
        Self {
            keys: KeyTable::new(width.map(|w| PREFIX + w)),
            slots: BTreeMap::new(),
            scratch: Vec::new(),
        }
    }

    /// What columns must grow to.
    pub(super) fn capacity(&self) -> usize {
        self.keys.slots()
    }

    /// The slot of every row, given its pane and key.
    pub(super) fn intern(&mut self, runs: &[Run], keys: &Keys) -> Vec<u32> {
        let mut bytes = std::mem::take(&mut self.scratch);
        let mut ends = Vec::with_capacity(runs.len() + 1);
        bytes.clear();
        ends.push(0);
        for (run, key) in runs.iter().zip(keys.iter()) {
            bytes.extend_from_slice(&prefix(*run));
            bytes.extend_from_slice(key);
            ends.push(bytes.len());
        }
        let mut slots = Vec::with_capacity(runs.len());
        let (table, lists) = (&mut self.keys, &mut self.slots);
        let key = |i: usize| &bytes[ends[i]..ends[i + 1]];
        table.intern_many(runs.len(), key, &mut slots, |slot, row| {
            lists.entry(runs[row]).or_default().push(slot);
        });
        self.scratch = bytes;
        slots
    }

    /// The slot of `run` and the key of `slot`, made if it is not there.
    pub(super) fn sibling(&mut self, slot: u32, run: Run) -> u32 {
        self.scratch.clear();
        self.scratch.extend_from_slice(&prefix(run));
        self.scratch
            .extend_from_slice(&self.keys.key(slot)[PREFIX..]);
        let (sibling, new) = self.keys.intern_new(&self.scratch);
        if new {
            self.slots.entry(run).or_default().push(sibling);
        }
        sibling
    }

    /// The key bytes of a slot.
    pub(super) fn key(&self, slot: u32) -> &[u8] {
        &self.keys.key(slot)[PREFIX..]
    }

    /// The run of a slot.
    pub(super) fn run(&self, slot: u32) -> Run {
        let bytes = self.keys.key(slot);
        let number = |at: usize| {
            let mut ordered = [0; WIDTH];
            ordered.copy_from_slice(&bytes[at..at + WIDTH]);
            i64::from_be_bytes(ordered) ^ i64::MIN
        };
        Run {
            last: number(0),
            first: number(WIDTH),
        }
    }

    /// The runs that have slots, by their last end, up to that of `last`.
    pub(super) fn runs(&self, last: i64) -> impl Iterator<Item = Run> + '_ {
        let runs = self.slots.keys().copied();
        runs.take_while(move |run| run.last <= last)
    }

    /// The last end of the first run.
    pub(super) fn first_last(&self) -> Option<i64> {
        self.slots.keys().next().map(|run| run.last)
    }

    /// The slots of a run.
    pub(super) fn slots(&self, run: Run) -> &[u32] {
        self.slots.get(&run).map_or(&[], Vec::as_slice)
    }

    /// The runs with a window that ends at `end`, given that no window ends between; none is longer than `span`.
    pub(super) fn runs_over(&self, end: i64, span: i64) -> Vec<Run> {
        let from = Run {
            last: end,
            first: i64::MIN,
        };
        let runs = self.slots.range(from..).map(|(run, _)| *run);
        let runs = runs.take_while(|run| run.last <= end.saturating_add(span));
        runs.filter(|run| run.first <= end).collect()
    }

    /// Sorts slots by run, then key: the order of output.
    pub(super) fn sort(&self, slots: &mut [u32]) {
        slots.sort_unstable_by(|a, b| self.keys.key(*a).cmp(self.keys.key(*b)));
    }

    /// Takes the slots of a run out, and forgets their keys.
    pub(super) fn remove_run(&mut self, run: Run) -> Vec<u32> {
        let slots = self.slots.remove(&run).unwrap_or_default();
        for slot in &slots {
            self.keys.remove(*slot);
        }
        slots
    }

    /// Forgets single slots.
    pub(super) fn remove(&mut self, slots: &[u32]) {
        let mut runs: Vec<Run> = slots.iter().map(|s| self.run(*s)).collect();
        for slot in slots {
            self.keys.remove(*slot);
        }
        runs.sort_unstable();
        runs.dedup();
        let keys = &self.keys;
        for run in runs {
            if let Some(list) = self.slots.get_mut(&run) {
                list.retain(|s| keys.is_live(*s));
                if list.is_empty() {
                    self.slots.remove(&run);
                }
            }
        }
    }

    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("panes", &mut self.keys)
    }

    pub(super) fn restored(&mut self) -> Result<()> {
        self.slots.clear();
        let live: Vec<u32> = self.keys.live_slots().collect();
        for slot in live {
            if self.keys.key(slot).len() < PREFIX {
                return Err(Error::new(ErrorKind::Corrupt, "a pane has no window"));
            }
            let run = self.run(slot);
            self.slots.entry(run).or_default().push(slot);
        }
        Ok(())
    }
}

/// The bytes of a run.
fn prefix(run: Run) -> [u8; PREFIX] {
    let ordered = |bound: i64| u128::from((bound as u64) ^ (1 << 63));
    (ordered(run.last) << 64 | ordered(run.first)).to_be_bytes()
}
