//! Tests of what retention and compaction decide.
#![expect(clippy::unwrap_used, reason = "tests")]

use super::newest::NewestMap;
use super::plan::{Effort, Plan, Stretch, plan};
use super::retention::retained_from;
use super::rewrite::{Rewritten, Rules, rewrite};
use crate::batch::{BatchBuilder, Codec, LogBatch};
use crate::topic::Cleanup;
use crate::{Offset, Record, Timestamp};

fn stretches(sizes: &[u64]) -> Vec<Stretch> {
    let each = sizes.iter().enumerate().map(|(i, bytes)| Stretch {
        from: i as u64 * 10,
        to: i as u64 * 10 + 10,
        bytes: *bytes,
        max_timestamp: i as i64 * 1000,
    });
    each.collect()
}

#[test]
fn retention_by_size_stops_at_the_pin() {
    let closed = stretches(&[100, 100, 100]);
    let cleanup = Cleanup {
        retention_bytes: Some(150),
        ..Cleanup::default()
    };
    let retained = |limit| retained_from(&closed, 50, &cleanup, Timestamp(0), limit);
    assert_eq!(retained(u64::MAX), Some(20));
    assert_eq!(retained(19), Some(10));
    assert_eq!(retained(9), None);
}

#[test]
fn retention_by_time_leaves_the_first_segment_that_is_young_enough_and_all_behind_it() {
    let cleanup = Cleanup {
        retention_ms: Some(1500),
        ..Cleanup::default()
    };
    let mut closed = stretches(&[1, 1, 1, 1]);
    let retained =
        |closed: &[Stretch]| retained_from(closed, 0, &cleanup, Timestamp(3000), u64::MAX);
    assert_eq!(retained(&closed), Some(20));
    closed[1].max_timestamp = 9000;
    assert_eq!(retained(&closed), Some(10));
}

#[test]
fn compaction_waits_for_enough_that_is_new() {
    let closed = stretches(&[60, 30, 20, 10]);
    assert_eq!(plan(&closed, 20, u64::MAX, None, Effort::Due), None);
    let all = Plan {
        segments: 4,
        dirty_from: 10,
        end: 40,
    };
    assert_eq!(plan(&closed, 10, u64::MAX, None, Effort::Due), Some(all));
    let pinned = Plan {
        segments: 2,
        dirty_from: 20,
        end: 20,
    };
    assert_eq!(plan(&closed, 20, 25, None, Effort::Whole), Some(pinned));
    assert_eq!(plan(&closed, 0, 9, None, Effort::Whole), None);
}

#[test]
fn compaction_waits_for_enough_that_could_go() {
    let closed = stretches(&[60, 30, 20, 10]);
    let planned = |outdated, effort| plan(&closed, 8, u64::MAX, Some(outdated), effort).is_some();
    assert!(!planned(3, Effort::Due) && planned(4, Effort::Due));
    assert!(planned(0, Effort::Thorough) && planned(0, Effort::Whole));
}

fn batch(records: &[(u64, &str, Option<&str>)]) -> LogBatch {
    let mut builder = BatchBuilder::new(Offset(records[0].0), Codec::None);
    for (offset, key, value) in records {
        let record = Record {
            key: Some(key.to_string().into()),
            value: value.map(|v| v.to_string().into()),
            ..Record::default()
        };
        builder
            .push(Offset(*offset), &record, Timestamp(*offset as i64))
            .unwrap();
    }
    builder.finish().unwrap()
}

fn offsets(batch: &LogBatch) -> Vec<u64> {
    batch.records().map(|r| r.unwrap().0.0).collect()
}

#[test]
fn superseded_records_go_and_offsets_and_times_stay() {
    let mut newest = NewestMap::new(10);
    assert!(newest.note(b"a", 7) && newest.note(b"b", 8) && newest.note(b"c", 9));
    let rules = Rules {
        newest: &newest,
        end: u64::MAX,
        now: Timestamp(0),
        delete_retention_ms: 5,
    };
    let old = batch(&[
        (5, "a", Some("1")),
        (6, "z", Some("2")),
        (7, "a", Some("3")),
    ]);
    let Rewritten::Smaller(new) = rewrite(&old, &rules, |_| {}).unwrap() else {
        panic!("two of three records stay");
    };
    assert_eq!(offsets(&new), [6, 7]);
    assert_eq!(
        (new.base_offset(), new.last_offset()),
        (Offset(5), Offset(7))
    );
    let (_, last) = new.records().last().unwrap().unwrap();
    assert_eq!(last.timestamp, Some(Timestamp(7)));
    assert_eq!(rewrite(&new, &rules, |_| {}).unwrap(), Rewritten::Same);
    let gone = batch(&[(5, "b", Some("1")), (6, "c", None)]);
    assert_eq!(rewrite(&gone, &rules, |_| {}).unwrap(), Rewritten::Gone);
}

#[test]
fn tombstone_stays_for_its_time_after_the_first_compaction() {
    let newest = NewestMap::new(10);
    let at = |now| Rules {
        newest: &newest,
        end: u64::MAX,
        now: Timestamp(now),
        delete_retention_ms: 100,
    };
    let old = batch(&[(0, "a", Some("1")), (1, "b", None)]);
    let Rewritten::Smaller(marked) = rewrite(&old, &at(1_000), |_| {}).unwrap() else {
        panic!("the batch is marked");
    };
    assert_eq!(marked.delete_horizon(), Some(Timestamp(1_100)));
    assert_eq!(
        rewrite(&marked, &at(1_099), |_| {}).unwrap(),
        Rewritten::Same
    );
    let Rewritten::Smaller(rest) = rewrite(&marked, &at(1_100), |_| {}).unwrap() else {
        panic!("the tombstone goes");
    };
    assert_eq!(offsets(&rest), [0]);
    let (_, record) = rest.records().next().unwrap().unwrap();
    assert_eq!(record.timestamp, Some(Timestamp(0)));
}

#[test]
fn full_map_takes_no_new_key() {
    let mut newest = NewestMap::new(1);
    assert!(newest.note(b"a", 1) && !newest.note(b"b", 2) && newest.note(b"a", 3));
    assert_eq!((newest.newest(b"a"), newest.newest(b"b")), (Some(3), None));
}
