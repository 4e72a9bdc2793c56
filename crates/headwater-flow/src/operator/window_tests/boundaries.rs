//! Where exactly windows close.

use super::harness::*;
use crate::operator::{Operator, WindowAggregateSpec, WindowColumn, WindowMode};
use crate::plan::WindowSpec;
use crate::time::Watermark;

fn row(time: i64) -> Row {
    Row {
        time: Some(time),
        key: Some(1),
        value: Some(time),
        weight: 1,
    }
}

const TUMBLE: WindowSpec = WindowSpec::Tumble {
    size: 10 * MS,
    offset: 0,
};

fn tumble() -> Box<dyn Operator> {
    operator(&TUMBLE, WindowMode::OnClose, |_| ())
}

#[test]
fn a_window_closes_when_the_watermark_reaches_its_last_millisecond() {
    let mut shards = Shards::new(1, tumble);
    shards.push(&[row(0), row(9), row(10)], 0, None);
    shards.finish(Watermark(9 * MS - 1));
    assert!(shards.outcome.table.is_empty());
    shards.push(&[row(9)], 3, Some(&[9 * MS - 1]));
    shards.finish(Watermark(9 * MS));
    assert_eq!(shards.outcome.table[&(0, 10, Some(1))].0, 3);
    shards.push(&[row(9), row(10)], 4, Some(&[9 * MS, 9 * MS]));
    assert_eq!(shards.outcome.late.len(), 1);
    let late = &shards.outcome.late[0];
    assert_eq!(late.windows, [(0, 10 * MS)]);
    assert_eq!((late.origin, late.event_time), (Some(4), Some(9 * MS)));
    assert_eq!(late.watermark, 9 * MS);
    shards.finish(Watermark::MAX);
    assert_eq!(shards.outcome.table[&(10, 20, Some(1))].0, 2);
}

#[test]
fn a_late_row_without_origin_is_kept_as_json() {
    let mut shards = Shards::new(1, tumble);
    shards.finish(Watermark(50 * MS));
    shards.push(&[row(7)], 0, None);
    let late = &shards.outcome.late[0];
    let json = r#"{"t":"1970-01-01T00:00:00.007","k":1,"v":7}"#;
    assert_eq!(late.row.as_deref(), Some(json));
    let deleted = Row {
        weight: -1,
        ..row(7)
    };
    shards.push(&[deleted], 1, None);
    let json = r#"{"t":"1970-01-01T00:00:00.007","k":1,"v":7,"$weight":-1}"#;
    assert_eq!(shards.outcome.late[1].row.as_deref(), Some(json));
}

#[test]
fn rows_a_gap_apart_are_one_session_and_it_closes_when_the_watermark_passes_its_end() {
    let session = WindowSpec::Session {
        gap: 10 * MS,
        partition_by: Vec::new(),
    };
    let mut shards = Shards::new(1, || operator(&session, WindowMode::OnClose, |_| ()));
    shards.push(&[row(0), row(10), row(21)], 0, None);
    shards.finish(Watermark(20 * MS - 1));
    assert!(shards.outcome.table.is_empty());
    shards.finish(Watermark(20 * MS));
    assert_eq!(shards.outcome.table[&(0, 20, Some(1))].0, 2);
    shards.push(&[row(20)], 3, None);
    assert_eq!(
        shards.outcome.late.len(),
        1,
        "it would touch a closed session"
    );
    shards.finish(Watermark::MAX);
    assert_eq!(shards.outcome.table[&(21, 31, Some(1))].0, 1);
}

#[test]
fn processing_time_windows_close_by_the_clock() {
    let mut operator = operator(&TUMBLE, WindowMode::OnClose, |spec| {
        spec.processing_time = true;
    });
    let mut context = crate::operator::EpochContext {
        epoch: 1,
        processing_time: 3 * MS,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    };
    let mut out = crate::operator::Outbox::default();
    let rows = batch(&[row(3)], 0, Some(&[i64::MAX]));
    operator.push(&context, 0, rows, &mut out).unwrap();
    operator.finish(&context, &mut out).unwrap();
    assert!(out.rows.is_empty() && out.late.is_empty());
    assert_eq!(out.timer, Some(10 * MS));
    context.processing_time = 10 * MS;
    let mut out = crate::operator::Outbox::default();
    operator.finish(&context, &mut out).unwrap();
    assert_eq!(out.rows.len(), 1);
    assert_eq!(out.timer, None);
}

#[test]
fn attached_windows_close_with_the_windows_that_they_come_from() {
    let output = |spec: &mut WindowAggregateSpec| {
        spec.keys = vec![1, 0];
        spec.columns[2] = WindowColumn::Key(1);
    };
    let mut shards = Shards::new(1, || attached(output));
    shards.push(&[row(10), row(10), row(20)], 0, None);
    shards.finish(Watermark(9 * MS));
    assert_eq!(shards.outcome.table[&(10, 10, Some(1))].0, 2);
    assert_eq!(shards.outcome.table.len(), 1);
    shards.push(&[row(10)], 3, None);
    assert_eq!(shards.outcome.late[0].windows, [(10 * MS, 10 * MS)]);
    shards.finish(Watermark::MAX);
    assert_eq!(shards.outcome.table[&(20, 20, Some(1))].0, 1);
}
