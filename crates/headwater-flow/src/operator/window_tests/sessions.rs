//! Sessions.

use std::collections::BTreeMap;

use arrow::array::Int64Array;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::harness::*;
use crate::connector::Offsets;
use crate::operator::Operator;
use crate::operator::WindowMode;
use crate::plan::WindowSpec;
use crate::state::SavedState;
use crate::time::{TrackerOptions, Watermark, WatermarkTracker};

struct Case {
    rows: Vec<Row>,
    gap: i64,
    delay: i64,
    lateness: i64,
    tracked: bool,
    deletes: bool,
}

fn random_case(rng: &mut StdRng, deletes: bool) -> Case {
    let count = rng.random_range(0..150);
    Case {
        rows: random_rows(rng, count, deletes),
        gap: rng.random_range(1..15),
        delay: rng.random_range(0..30) * MS,
        lateness: rng.random_range(0..2) * rng.random_range(0..20) * MS,
        tracked: rng.random_bool(0.7),
        deletes,
    }
}

fn make(case: &Case, mode: WindowMode) -> Box<dyn Operator> {
    let window = WindowSpec::Session {
        gap: case.gap * MS,
        partition_by: Vec::new(),
    };
    operator(&window, mode, |spec| {
        spec.allowed_lateness = case.lateness;
        spec.append_only = !case.deletes;
    })
}

/// The sessions of times, as (start, last).
fn sessions(mut times: Vec<i64>, gap: i64) -> Vec<(i64, i64)> {
    times.sort_unstable();
    let mut sessions: Vec<(i64, i64)> = Vec::new();
    for time in times {
        match sessions.last_mut() {
            Some(session) if time - session.1 <= gap => session.1 = time,
            _ => sessions.push((time, time)),
        }
    }
    sessions
}

/// The rows that were not late, by key.
#[derive(Default)]
struct Kept {
    rows: BTreeMap<Option<i64>, Vec<Row>>,
    late: usize,
}

impl Kept {
    fn times(&self, key: Option<i64>) -> Vec<i64> {
        let mut net: BTreeMap<i64, i64> = BTreeMap::new();
        for row in self.rows.get(&key).into_iter().flatten() {
            *net.entry(row.time.unwrap()).or_default() += row.weight;
        }
        net.into_iter().filter(|n| n.1 > 0).map(|n| n.0).collect()
    }

    /// The times that are left when a row is deleted.
    fn left(&self, row: Row, time: i64, times: &[i64]) -> Vec<i64> {
        let others = self.rows.get(&row.key).into_iter().flatten();
        let others = others.filter(|r| r.time == row.time).map(|r| r.weight);
        let stays = others.sum::<i64>() + row.weight > 0;
        let left = times.iter().copied();
        left.filter(|t| stays || *t != time).collect()
    }

    /// A row first merges, then is judged; what touches a closed session is late, and what has no time.
    fn take(&mut self, case: &Case, row: Row, bound: Watermark) {
        let Some(time) = row.time else {
            self.late += 1;
            return;
        };
        let closed = |end: i64| {
            bound == Watermark::MAX
                || (bound != Watermark::MIN && end * MS <= bound.0 - case.lateness)
        };
        let same = self.rows.get(&row.key).into_iter().flatten();
        let same = same.filter(|r| (r.time, r.value) == (row.time, row.value));
        let missing = row.weight < 0 && same.map(|r| r.weight).sum::<i64>() <= 0;
        let times = self.times(row.key);
        let left = self.left(row, time, &times);
        let left = sessions(left, case.gap).into_iter();
        let mut left = left.filter(|(s, l)| *s <= time && time - case.gap <= *l && *l <= time);
        let leaves_closed = row.weight < 0 && left.any(|(_, l)| closed(l + case.gap));
        let touched = sessions(times, case.gap).into_iter();
        let touched = touched.filter(|(s, l)| *s - case.gap <= time && time <= *l + case.gap);
        let touched: Vec<_> = touched.collect();
        let last = touched.iter().map(|s| s.1).chain([time]).max().unwrap();
        let begins = touched.iter().all(|(s, _)| time < *s);
        let too_far = !touched.is_empty() && begins && closed(time + 2 * case.gap);
        let touches_closed = touched.iter().any(|(_, l)| closed(*l + case.gap));
        if missing || leaves_closed || touches_closed || too_far || closed(last + case.gap) {
            self.late += 1;
        } else {
            self.rows.entry(row.key).or_default().push(row);
        }
    }

    fn table(&self, case: &Case, visible: impl Fn(i64) -> bool) -> Table {
        let rows = self.rows.iter().flat_map(|(key, rows)| {
            let sessions = sessions(self.times(*key), case.gap);
            rows.iter().filter_map(move |row| {
                let time = row.time.unwrap();
                let (start, last) = (sessions.iter()).find(|(s, l)| *s <= time && time <= *l)?;
                Some(((*start, last + case.gap, *key), *row))
            })
        });
        reference(rows.filter(|(group, _)| visible(group.1)))
    }
}

fn run(rng: &mut StdRng, case: &Case, cut: Cut, seed: u64) -> Table {
    let mut shards = Shards::new(cut.shards, || make(case, cut.mode));
    let mut saved: Vec<SavedState> = (0..cut.shards).map(|_| SavedState::default()).collect();
    let mut tracker = WatermarkTracker::new(TrackerOptions {
        input: 0,
        idle_timeout: None,
    });
    tracker.grow(1).unwrap();
    let mut kept = Kept::default();
    let mut at = 0;
    loop {
        let before = tracker.begin_epoch();
        let end = at + rng.random_range(0..=cut.epoch);
        while at < end.min(case.rows.len()) {
            let to = (at + rng.random_range(1..10)).min(case.rows.len());
            let rows = &case.rows[at..to];
            let marks: Int64Array = (rows.iter())
                .map(|r| r.time.map(|t| t * MS - case.delay))
                .collect();
            let track = tracker.track(0, &marks, &Offsets::From(at as u64)).unwrap();
            let bounds = track.bounds.values();
            shards.push(rows, at, case.tracked.then_some(&bounds[..]));
            for (row, bound) in rows.iter().zip(bounds.iter()) {
                let bound = if case.tracked {
                    Watermark(*bound)
                } else {
                    before
                };
                kept.take(case, *row, bound);
            }
            at = to;
        }
        let over = at == case.rows.len() && rng.random_bool(0.5);
        if over {
            tracker.ended(0).unwrap();
        }
        let after = tracker.finish_epoch(0);
        shards.finish(after);
        let expected = kept.table(case, |end| {
            cut.mode == WindowMode::Updating
                || after == Watermark::MAX
                || (after != Watermark::MIN && end * MS <= after.0 - case.lateness)
        });
        assert_eq!(shards.outcome.table, expected, "seed {seed}");
        assert_eq!(shards.outcome.late.len(), kept.late, "seed {seed}");
        if rng.random_bool(cut.restarts) {
            shards.restart(&mut saved);
        }
        if over {
            return expected;
        }
    }
}

fn check(seeds: std::ops::Range<u64>, mode: WindowMode, deletes: bool) {
    for seed in seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let case = random_case(&mut rng, deletes);
        let cut = Cut::random(&mut rng, mode);
        let table = run(&mut rng, &case, cut, seed);
        if case.tracked {
            let cut = Cut::random(&mut rng, mode);
            let same = run(&mut rng, &case, cut, seed);
            assert_eq!(table, same, "seed {seed}: the cutting changed the result");
        }
    }
}

#[test]
fn sessions_on_close_equal_the_reference_however_cut_sharded_and_restarted() {
    check(seeds(0, 100), WindowMode::OnClose, false);
}

#[test]
fn changing_sessions_equal_the_reference_after_every_epoch() {
    check(seeds(100_000, 100), WindowMode::Updating, false);
}

#[test]
fn sessions_of_changing_input_fall_apart_and_grow_together_like_the_reference() {
    check(seeds(200_000, 100), WindowMode::OnClose, true);
}

#[test]
fn changing_sessions_of_changing_input_equal_the_reference() {
    check(seeds(300_000, 100), WindowMode::Updating, true);
}
