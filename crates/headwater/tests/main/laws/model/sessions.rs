//! Sessions by their definition: rows of a key at most a gap apart, and which rows come too late for theirs.

use std::collections::{BTreeMap, BTreeSet};

use super::Arrival;

/// The sessions of one key: the times in them, with the rows of each, and the ends of those that were closed.
#[derive(Debug, Clone, Default)]
pub(super) struct Sessions {
    open: BTreeMap<i64, BTreeSet<i64>>,
    closed: Vec<i64>,
}

impl Sessions {
    /// The windows that the row missed: none, or the session that it would have been in.
    pub(super) fn judge(
        &mut self,
        row: &Arrival,
        time: i64,
        gap: i64,
        lateness: i64,
    ) -> Vec<(i64, i64)> {
        let through = row.bound.map(|b| b - lateness);
        let is_closed = |end: i64| through.is_some_and(|t| end <= t);
        let is_over = |all: &Self, time: i64| all.end(time, gap, through).is_some();
        let late = vec![(time, time + gap)];
        if self.closed.iter().any(|end| time <= *end) {
            return late;
        }
        if row.weight < 0 {
            let there = self
                .open
                .get(&time)
                .is_some_and(|rows| rows.contains(&row.id));
            if !there || is_over(self, time) {
                return late;
            }
            self.remove(time, row.id);
            // What is left before it must not have been closed already.
            let left = self.open.range(time - gap..=time).next_back();
            if left.is_some_and(|(t, _)| is_over(self, *t)) {
                self.open.entry(time).or_default().insert(row.id);
                return late;
            }
            return Vec::new();
        }
        // Sessions that the row touches are closed, or become one with it. The first of them is the first to be closed, and begins
        // with the first time that is touched, or before the row.
        let touched = self.open.range(time - gap..=time + gap).next();
        let first = touched.map(|(t, _)| *t);
        if first.is_some_and(|t| is_over(self, t)) {
            return late;
        }
        match first {
            None if is_closed(time + gap) => return late,
            Some(first) if time < first && is_closed(time + 2 * gap) => return late,
            _ => {}
        }
        self.open.entry(time).or_default().insert(row.id);
        Vec::new()
    }

    fn remove(&mut self, time: i64, id: i64) {
        let rows = self.open.entry(time).or_default();
        rows.remove(&id);
        if rows.is_empty() {
            self.open.remove(&time);
        }
    }

    /// The end of the session that a time is in, if it is not after `through`.
    fn end(&self, time: i64, gap: i64, through: Option<i64>) -> Option<i64> {
        let through = through?;
        let mut end = time + gap;
        for next in self.open.range(time..).map(|(t, _)| *t) {
            if next > end || end > through {
                break;
            }
            end = next + gap;
        }
        (end <= through).then_some(end)
    }

    pub(super) fn close(&mut self, through: Option<i64>, gap: i64) {
        while let Some((first, _)) = self.open.first_key_value() {
            let Some(end) = self.end(*first, gap, through) else {
                break;
            };
            self.closed.push(end);
            self.open.retain(|t, _| *t > end);
        }
    }
}
