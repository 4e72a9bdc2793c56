//! Numbers to be looked at when time has come: a coarse calendar, derived from state and never stored.

use std::collections::BTreeMap;

/// Numbers by the time, rounded down to `grain`, at which they are due. A number may be in it more than once, and
/// longer than what it stands for: whoever takes it out checks.
#[derive(Debug)]
pub(super) struct Due {
    grain: i64,
    days: BTreeMap<i64, Vec<u32>>,
}

impl Due {
    pub(super) fn new(grain: i64) -> Self {
        Self {
            grain: grain.max(1),
            days: BTreeMap::new(),
        }
    }

    pub(super) fn clear(&mut self) {
        self.days.clear();
    }

    #[inline]
    pub(super) fn add(&mut self, time: i64, number: u32) {
        let day = time.div_euclid(self.grain);
        self.days.entry(day).or_default().push(number);
    }

    /// Takes out what may be due at or before `through`; those of its last, unfinished day may be too early.
    pub(super) fn take(&mut self, through: i64) -> Vec<u32> {
        let mut taken = Vec::new();
        let last = through.div_euclid(self.grain);
        while let Some(day) = self.days.first_entry() {
            if *day.key() > last {
                break;
            }
            taken.append(&mut day.remove());
        }
        taken
    }

    /// When to look again, if nothing is added: after the first day that is not over at `now`.
    pub(super) fn next(&self, now: i64) -> Option<i64> {
        let first = self.days.keys().next()?.saturating_mul(self.grain);
        Some(first.max(now).saturating_add(self.grain))
    }
}
