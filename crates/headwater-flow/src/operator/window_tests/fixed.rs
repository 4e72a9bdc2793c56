//! Tumbling, hopping and cumulating windows.

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
    spec: WindowSpec,
    delay: i64,
    lateness: i64,
    tracked: bool,
    deletes: bool,
}

fn random_case(rng: &mut StdRng) -> Case {
    let step = rng.random_range(1..15) * MS;
    let offset = rng.random_range(-20..20) * MS;
    let spec = match rng.random_range(0..4) {
        0 => WindowSpec::Tumble { size: step, offset },
        1 | 2 => WindowSpec::Hop {
            slide: step,
            size: rng.random_range(1..50) * MS,
            offset,
        },
        _ => WindowSpec::Cumulate {
            step,
            size: step * rng.random_range(1..6),
            offset,
        },
    };
    let deletes = rng.random_bool(0.5);
    let count = rng.random_range(0..150);
    Case {
        rows: random_rows(rng, count, deletes),
        spec,
        delay: rng.random_range(0..30) * MS,
        lateness: rng.random_range(0..2) * rng.random_range(0..20) * MS,
        tracked: rng.random_bool(0.7),
        deletes,
    }
}

fn make(case: &Case, mode: WindowMode) -> Box<dyn Operator> {
    operator(&case.spec, mode, |spec| {
        spec.allowed_lateness = case.lateness;
        spec.append_only = !case.deletes;
    })
}

/// Runs a case and compares with the reference after every epoch; gives what came of it.
fn run(rng: &mut StdRng, case: &Case, cut: Cut, seed: u64) -> (Outcome, Table) {
    let mut shards = Shards::new(cut.shards, || make(case, cut.mode));
    let mut saved: Vec<SavedState> = (0..cut.shards).map(|_| SavedState::default()).collect();
    let mut tracker = WatermarkTracker::new(TrackerOptions {
        input: 0,
        idle_timeout: None,
    });
    tracker.grow(1).unwrap();
    let mut kept: Vec<(Group, Row)> = Vec::new();
    let (mut at, mut missed) = (0, 0);
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
                let (mut open, lost) = judge(case, row, bound);
                missed += lost;
                kept.append(&mut open);
            }
            at = to;
        }
        let over = at == case.rows.len() && rng.random_bool(0.5);
        if over {
            tracker.ended(0).unwrap();
        }
        let after = tracker.finish_epoch(0);
        shards.finish(after);
        let visible = kept.iter().filter(|(group, _)| {
            cut.mode == WindowMode::Updating || after.has_closed(group.1 * MS, case.lateness)
        });
        let expected = reference(visible.copied());
        assert_eq!(
            shards.outcome.table, expected,
            "seed {seed}, {:?}",
            case.spec
        );
        if rng.random_bool(cut.restarts) {
            shards.restart(&mut saved);
        }
        if over {
            let found: usize = shards.outcome.late.iter().map(|l| l.windows.len()).sum();
            assert_eq!(found, missed, "seed {seed}");
            return (shards.outcome, expected);
        }
    }
}

/// The open windows of a row, by their definition, and how many were closed.
fn judge(case: &Case, row: &Row, bound: Watermark) -> (Vec<(Group, Row)>, usize) {
    let Some(time) = row.time else {
        return (Vec::new(), 0);
    };
    let (period, size, offset) = match case.spec {
        WindowSpec::Tumble { size, offset } => (size, size, offset),
        WindowSpec::Hop {
            slide,
            size,
            offset,
        } => (slide, size, offset),
        WindowSpec::Cumulate { size, offset, .. } => (size, size, offset),
        WindowSpec::Session { .. } => unreachable!("fixed windows"),
    };
    let step = match case.spec {
        WindowSpec::Cumulate { step, .. } => step,
        _ => size,
    };
    let near = (time * MS - size - offset).div_euclid(period);
    let windows = (near..near + size / period + 3).flat_map(|i| {
        let start = i * period + offset;
        (1..=size / step).map(move |k| (start / MS, (start + k * step) / MS))
    });
    let windows: Vec<_> = windows.filter(|(s, e)| *s <= time && time < *e).collect();
    let open = (windows.iter()).filter(|w| !bound.has_closed(w.1 * MS, case.lateness));
    let open: Vec<_> = open.map(|w| ((w.0, w.1, row.key), *row)).collect();
    let lost = windows.len() - open.len();
    (open, lost)
}

fn check(seeds: std::ops::Range<u64>, mode: WindowMode) {
    for seed in seeds {
        let mut rng = StdRng::seed_from_u64(seed);
        let case = random_case(&mut rng);
        let cut = Cut::random(&mut rng, mode);
        let (first, table) = run(&mut rng, &case, cut, seed);
        let untimed = case.rows.iter().filter(|r| r.time.is_none()).count() as u64;
        let found = first.late.iter().filter(|l| l.event_time.is_none()).count() as u64;
        assert_eq!(found, untimed, "seed {seed}");
        if mode == WindowMode::OnClose {
            assert_eq!(first.retractions, 0, "seed {seed}");
        }
        if case.tracked {
            let cut = Cut::random(&mut rng, mode);
            let (second, same) = run(&mut rng, &case, cut, seed);
            assert_eq!(table, same, "seed {seed}: the cutting changed the result");
            let sorted = |mut outcome: Outcome| {
                outcome.late.sort_by_key(|l| l.origin);
                outcome.late
            };
            assert_eq!(sorted(first), sorted(second), "seed {seed}");
        }
    }
}

#[test]
fn windows_on_close_equal_the_reference_however_cut_sharded_and_restarted() {
    check(seeds(0, 60), WindowMode::OnClose);
}

#[test]
fn changing_windows_equal_the_reference_after_every_epoch() {
    check(seeds(100_000, 60), WindowMode::Updating);
}
