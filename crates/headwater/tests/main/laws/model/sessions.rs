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
        let late = vec![(time, time + gap)];
        if self.closed.iter().any(|end| time <= *end) {
            return late;
        }
        if row.weight < 0 {
            let there = self
                .open
                .get(&time)
                .is_some_and(|rows| rows.contains(&row.id));
            if !there || is_closed(self.end(time, gap)) {
                return late;
            }
            self.remove(time, row.id);
            // What is left before it must not have been closed already.
            let left = self.open.range(time - gap..=time).next_back();
            if left.is_some_and(|(t, _)| is_closed(self.end(*t, gap))) {
                self.open.entry(time).or_default().insert(row.id);
                return late;
            }
            return Vec::new();
        }
        // Sessions that the row touches are closed, or become one with it.
        let touched = self
            .open
            .keys()
            .filter(|t| (time - gap..=time + gap).contains(*t));
        if touched.clone().any(|t| is_closed(self.end(*t, gap))) {
            return late;
        }
        let first = touched.min().map(|t| self.start(*t, gap));
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

    /// The end of the session that a time is in.
    fn end(&self, time: i64, gap: i64) -> i64 {
        let mut last = time;
        for next in self.open.range(time..).map(|(t, _)| *t) {
            if next - last > gap {
                break;
            }
            last = next;
        }
        last + gap
    }

    /// The first time of the session that a time is in.
    fn start(&self, time: i64, gap: i64) -> i64 {
        let mut first = time;
        for earlier in self.open.range(..=time).rev().map(|(t, _)| *t) {
            if first - earlier > gap {
                break;
            }
            first = earlier;
        }
        first
    }

    pub(super) fn close(&mut self, through: Option<i64>, gap: i64) {
        while let Some((first, _)) = self.open.first_key_value() {
            let end = self.end(*first, gap);
            if through.is_none_or(|t| end > t) {
                break;
            }
            self.closed.push(end);
            self.open.retain(|t, _| *t > end);
        }
    }
}
