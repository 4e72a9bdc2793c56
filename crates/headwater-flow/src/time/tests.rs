//! The laws of watermarks, on random input. A failure names its seed.
#![expect(clippy::unwrap_used, reason = "tests")]

use arrow::array::{Array, Int64Array, TimestampMillisecondArray, TimestampNanosecondArray};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::connector::{LateRow, Offsets};

const SECOND: i64 = 1_000_000;

fn tracker(partitions: usize) -> WatermarkTracker {
    let mut tracker = WatermarkTracker::new(TrackerOptions {
        input: 1,
        idle_timeout: Some(5 * SECOND),
    });
    tracker.grow(partitions).unwrap();
    tracker
}

fn values(rng: &mut StdRng, rows: usize) -> Vec<Option<i64>> {
    (0..rows as i64)
        .map(|i| {
            rng.random_bool(0.9)
                .then(|| i * 10 + rng.random_range(-200..200))
        })
        .collect()
}

/// Cuts `rows` into chunks and chunks into epochs at random; gives all bounds and the watermark at the end.
fn run(rng: &mut StdRng, rows: &[Option<i64>]) -> (Vec<i64>, Watermark) {
    let mut tracker = tracker(1);
    let (mut bounds, mut at, mut now) = (Vec::new(), 0, 0);
    while at < rows.len() {
        let before = tracker.begin_epoch();
        for _ in 0..rng.random_range(0..4) {
            let to = (at + rng.random_range(0..9)).min(rows.len());
            let chunk = Int64Array::from(rows[at..to].to_vec());
            let track = tracker.track(0, &chunk, &Offsets::From(at as u64)).unwrap();
            assert!(track.bounds.values().iter().all(|b| *b >= before.0));
            bounds.extend_from_slice(track.bounds.values());
            at = to;
        }
        now += rng.random_range(0..9 * SECOND);
        if rng.random_bool(0.3) {
            tracker.drained(0, now).unwrap();
        }
        assert!(tracker.finish_epoch(now) >= before);
    }
    (bounds, tracker.state().watermark)
}

#[test]
fn bounds_of_one_partition_do_not_depend_on_the_cutting() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let length = rng.random_range(0..120);
        let rows = values(&mut rng, length);
        let mut highest = i64::MIN;
        let before = |v: &Option<i64>| {
            let before = highest;
            highest = highest.max(v.unwrap_or(i64::MIN));
            before
        };
        let expected: Vec<i64> = rows.iter().map(before).collect();
        for _ in 0..3 {
            let (bounds, watermark) = run(&mut rng, &rows);
            assert_eq!(bounds, expected, "seed {seed}");
            assert_eq!(watermark.0, highest, "seed {seed}");
        }
    }
}

#[test]
fn watermarks_of_many_partitions_are_the_minimum_and_never_go_back() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = rng.random_range(1..5);
        let mut tracker = tracker(count);
        let mut own = vec![i64::MIN; count];
        for epoch in 0..20 {
            let start = own.clone();
            let before = tracker.begin_epoch();
            for (p, highest) in own.iter_mut().enumerate() {
                let length = rng.random_range(0..6);
                let rows = values(&mut rng, length);
                let rows: Vec<_> = rows.iter().map(|v| v.map(|v| v + 60 * epoch)).collect();
                let chunk = Int64Array::from(rows.clone());
                let track = tracker.track(p as u32, &chunk, &Offsets::From(0)).unwrap();
                let others = (start.iter().enumerate()).filter(|(i, _)| *i != p);
                let others = others.map(|(_, w)| *w).min().unwrap_or(i64::MAX);
                for (row, bound) in rows.iter().zip(track.bounds.values()) {
                    assert_eq!(*bound, others.min(*highest).max(before.0), "seed {seed}");
                    *highest = (*highest).max(row.unwrap_or(i64::MIN));
                }
            }
            let after = tracker.finish_epoch(0);
            assert_eq!(after.0, *own.iter().min().unwrap(), "seed {seed}");
            assert!(after >= before, "seed {seed}");
        }
    }
}

fn advance(tracker: &mut WatermarkTracker, rows: &[(u32, i64)], now: i64) -> (Vec<i64>, Watermark) {
    tracker.begin_epoch();
    let bounds = rows.iter().map(|(p, v)| {
        let track = tracker.track(*p, &Int64Array::from(vec![*v]), &Offsets::From(7));
        track.unwrap().bounds.value(0)
    });
    let bounds = bounds.collect();
    (bounds, tracker.finish_epoch(now))
}

#[test]
fn idle_partition_holds_back_until_its_timeout_and_is_late_when_it_returns() {
    let mut t = tracker(2);
    let (_, w) = advance(&mut t, &[(0, 100 * SECOND), (1, 50 * SECOND)], 0);
    assert_eq!(w, Watermark(50 * SECOND));
    t.begin_epoch();
    t.drained(1, 1).unwrap();
    assert_eq!(t.finish_epoch(1), Watermark(50 * SECOND));
    assert_eq!(t.next_idle_at(), Some(1 + 5 * SECOND));
    let (_, w) = advance(&mut t, &[], 5 * SECOND);
    assert_eq!(w, Watermark(50 * SECOND));
    let (_, w) = advance(&mut t, &[], 5 * SECOND + 1);
    assert_eq!(w, Watermark(100 * SECOND));
    assert_eq!(t.next_idle_at(), None);

    let (bounds, w) = advance(&mut t, &[(1, 60 * SECOND), (1, 61 * SECOND)], 6 * SECOND);
    assert_eq!(bounds, [100 * SECOND; 2], "what is closed stays closed");
    assert_eq!(w, Watermark(100 * SECOND));
    let row = |end: i64| LateRow {
        origin: Some(
            Origin {
                input: 1,
                partition: 1,
                offset: 7,
            }
            .pack(),
        ),
        event_time: Some(60 * SECOND),
        watermark: 100 * SECOND,
        windows: vec![(0, end)],
        row: None,
    };
    assert!(t.note_late(&row(70 * SECOND)));
    assert!(!t.note_late(&row(50 * SECOND)), "late by its own partition");
    assert_eq!(t.state().late_by_idleness, 1);

    let (bounds, w) = advance(&mut t, &[(0, 120 * SECOND), (1, 130 * SECOND)], 6 * SECOND);
    assert_eq!(bounds, [100 * SECOND; 2]);
    assert_eq!(w, Watermark(120 * SECOND));
}

#[test]
fn what_a_row_was_judged_by_stays_closed_when_an_idle_partition_wakes_up() {
    let mut t = tracker(2);
    advance(&mut t, &[(0, 100), (1, 50)], 0);
    t.begin_epoch();
    t.drained(1, 1).unwrap();
    assert_eq!(t.finish_epoch(1 + 5 * SECOND), Watermark(100));
    // Its rows are those of an epoch in which nobody waits for it yet.
    let (bounds, w) = advance(&mut t, &[(0, 120), (0, 130), (1, 60)], 6 * SECOND);
    assert_eq!((bounds, w), (vec![100, 120, 100], Watermark(120)));
    let (bounds, w) = advance(&mut t, &[(0, 140), (1, 150)], 6 * SECOND);
    assert_eq!((bounds, w), (vec![120, 120], Watermark(140)));
}

#[test]
fn bounds_of_a_partition_never_go_back() {
    for seed in 0..200 {
        let mut rng = StdRng::seed_from_u64(seed);
        let count = rng.random_range(1..5);
        let mut tracker = tracker(count);
        let mut highest = vec![i64::MIN; count];
        let mut now = 0;
        for epoch in 0..40 {
            tracker.begin_epoch();
            for (p, highest) in highest.iter_mut().enumerate() {
                if rng.random_bool(0.5) {
                    tracker.drained(p as u32, now).unwrap();
                    continue;
                }
                let rows = values(&mut rng, 5);
                let rows = rows.iter().map(|v| v.map(|v| v + 60 * epoch));
                let rows = Int64Array::from(rows.collect::<Vec<_>>());
                let track = tracker.track(p as u32, &rows, &Offsets::From(0)).unwrap();
                for bound in track.bounds.values() {
                    assert!(bound >= highest, "seed {seed}: {bound} after {highest}");
                    *highest = *bound;
                }
            }
            now += rng.random_range(0..4 * SECOND);
            let after = tracker.finish_epoch(now);
            assert!(highest.iter().all(|b| *b <= after.0), "seed {seed}");
        }
    }
}

#[test]
fn rows_before_the_timeout_keep_a_partition_active() {
    let mut t = tracker(2);
    advance(&mut t, &[(0, 100 * SECOND), (1, 50 * SECOND)], 0);
    for now in 1..20 {
        t.begin_epoch();
        t.drained(1, now * SECOND).unwrap();
        t.finish_epoch(now * SECOND);
        let (_, w) = advance(&mut t, &[(1, 50 * SECOND)], now * SECOND);
        assert_eq!(w, Watermark(50 * SECOND));
    }
}

#[test]
fn input_whose_partitions_are_all_idle_advances_to_the_highest() {
    let mut t = tracker(2);
    advance(&mut t, &[(0, 100 * SECOND), (1, 50 * SECOND)], 0);
    t.begin_epoch();
    t.drained(0, 0).unwrap();
    t.drained(1, 0).unwrap();
    assert_eq!(t.finish_epoch(5 * SECOND), Watermark(100 * SECOND));
    assert!(t.time().idle);
}

#[test]
fn finite_partitions_end_with_the_highest_watermark() {
    let mut t = tracker(2);
    advance(&mut t, &[(0, 100 * SECOND), (1, 50 * SECOND)], 0);
    t.begin_epoch();
    t.ended(1).unwrap();
    assert_eq!(t.finish_epoch(0), Watermark(100 * SECOND));
    t.begin_epoch();
    t.ended(0).unwrap();
    assert_eq!(t.finish_epoch(0), Watermark::MAX);
    let mut empty = tracker(0);
    empty.begin_epoch();
    assert_eq!(empty.finish_epoch(0), Watermark::MIN);
    empty.end_input();
    assert_eq!(empty.finish_epoch(0), Watermark::MAX);
}

#[test]
fn replay_judges_every_row_as_it_was_judged_first() {
    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut live = tracker(1);
        let mut replayed = live.clone();
        let mut now = 0;
        for _ in 0..30 {
            if rng.random_bool(0.1) {
                live.grow(live.state().partitions.len() + 1).unwrap();
            }
            if rng.random_bool(0.2) {
                let recorded: TrackerState =
                    serde_json::from_str(&serde_json::to_string(live.state()).unwrap()).unwrap();
                let grown = live.state().partitions.len();
                live = tracker(0);
                live.restore(recorded);
                live.resume();
                live.grow(grown).unwrap();
            }
            let before = live.begin_epoch();
            let mut read = Vec::new();
            for p in 0..live.state().partitions.len() as u32 {
                if rng.random_bool(0.5) {
                    let rows = Int64Array::from(values(&mut rng, 5));
                    let track = live.track(p, &rows, &Offsets::From(0)).unwrap();
                    read.push((p, rows, track.bounds));
                } else {
                    live.drained(p, now).unwrap();
                }
            }
            now += rng.random_range(0..4 * SECOND);
            let after = live.finish_epoch(now);
            let state = live.state().clone();
            assert_eq!(
                replayed.begin_replay(&state).unwrap(),
                before,
                "seed {seed}"
            );
            for (p, rows, bounds) in read {
                let track = replayed.track(p, &rows, &Offsets::From(0)).unwrap();
                assert_eq!(track.bounds, bounds, "seed {seed}");
            }
            assert_eq!(
                replayed.finish_replay(&state).unwrap(),
                after,
                "seed {seed}"
            );
        }
    }
}

#[test]
fn inputs_that_meet_wait_for_the_slowest_that_is_not_idle() {
    let time = |watermark, idle| InputTime {
        watermark: Watermark(watermark),
        idle,
    };
    let mut c = Combiner::default();
    assert_eq!(
        c.advance(&[time(9, false), time(5, false)], Watermark::MIN),
        time(5, false)
    );
    assert_eq!(
        c.advance(&[time(9, false), time(5, true)], Watermark::MIN),
        time(9, false)
    );
    assert_eq!(
        c.advance(&[time(9, false), time(7, false)], Watermark::MIN),
        time(9, false)
    );
    assert_eq!(
        c.advance(&[time(12, true), time(15, true)], Watermark::MIN),
        time(15, true)
    );
    let mut t = tracker(1);
    t.begin_epoch();
    let track = t.track(0, &Int64Array::from(vec![10, 20, 40]), &Offsets::From(0));
    let judged = c.judge(&track.unwrap(), 0, &[time(15, false), time(18, false)]);
    assert_eq!(judged.bounds.values(), &[15, 15, 18]);
    let woken = [time(40, false), time(16, false)];
    assert_eq!(c.advance(&woken, Watermark(18)), time(18, false));
}

#[test]
fn times_of_every_unit_become_microseconds() {
    let ms = TimestampMillisecondArray::from(vec![Some(-1), None, Some(i64::MAX)]);
    let micros = to_micros(&ms).unwrap();
    assert_eq!(micros.value(0), -1_000);
    assert!(micros.is_null(1));
    assert_eq!(micros.value(2), i64::MAX);
    let ns = to_micros(&TimestampNanosecondArray::from(vec![-1, 1_999])).unwrap();
    assert_eq!(ns.values(), &[-1, 1]);
    let back = from_micros(&[-1, 1_000], ms.data_type()).unwrap();
    assert_eq!(back.as_ref(), &TimestampMillisecondArray::from(vec![-1, 1]));
}

#[test]
fn recorded_changes_add_up_to_what_was_known() {
    for seed in 0..100 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut live = tracker(rng.random_range(0..20));
        let (mut recorded, mut now) = (TrackerState::default(), 0);
        for _ in 0..20 {
            if rng.random_bool(0.2) {
                live.grow(live.state().partitions.len() + 3).unwrap();
            }
            live.begin_epoch();
            let partitions = live.state().partitions.len() as u32;
            let mut concerned = 0;
            for p in (0..partitions)
                .filter(|_| rng.random_bool(0.1))
                .collect::<Vec<_>>()
            {
                let rows = Int64Array::from(values(&mut rng, 3));
                live.track(p, &rows, &Offsets::From(0)).unwrap();
                concerned += 1;
            }
            now += rng.random_range(0..4 * SECOND);
            live.finish_epoch(now);
            let grown = live.state().partitions.len() - recorded.partitions.len();
            let change = live.state().since(&recorded);
            let text = serde_json::to_string(&change).unwrap();
            let change: TrackerChange = serde_json::from_str(&text).unwrap();
            assert!(change.concerns() <= concerned + grown, "seed {seed}");
            recorded.apply(&change).unwrap();
            assert_eq!(&recorded, live.state(), "seed {seed}");
        }
    }
}
