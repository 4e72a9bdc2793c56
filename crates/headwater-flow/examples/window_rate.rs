//! Rows per second and core of window aggregates: `cargo run --release -p headwater-flow --example window_rate`.
#![expect(clippy::disallowed_methods, reason = "an example measures time")]
#![expect(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{Int64Array, RecordBatch, TimestampMillisecondArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use headwater_flow::ZBatch;
use headwater_flow::connector::Offsets;
use headwater_flow::operator::{
    AggregateCall, AggregateFunction, EpochContext, Operator, Outbox, WindowAggregate,
    WindowAggregateSpec, WindowColumn, WindowMode,
};
use headwater_flow::plan::WindowSpec;
use headwater_flow::time::{TrackerOptions, Watermark, WatermarkTracker};

const ROWS: i64 = 1 << 21;
const BATCH: i64 = 8192;
/// Batches in an epoch.
const EPOCH: i64 = 32;
const SECOND: i64 = 1_000_000;

fn input() -> SchemaRef {
    let time = DataType::Timestamp(TimeUnit::Millisecond, None);
    Arc::new(Schema::new(vec![
        Field::new("t", time, true),
        Field::new("k", DataType::Int64, true),
    ]))
}

/// Ten rows a millisecond; of four, three have one hot key, which changes every 5,000 rows.
fn batch(first: i64) -> (Int64Array, RecordBatch) {
    let rows = first..first + BATCH;
    let times = TimestampMillisecondArray::from_iter_values(rows.clone().map(|i| i / 10));
    let key = |i: i64| match i % 4 {
        0 => i / 50 - (i.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) >> 32).rem_euclid(1_000),
        _ => i / 5_000 * 100,
    };
    let keys = Int64Array::from_iter_values(rows.clone().map(key));
    let marks = Int64Array::from_iter_values(rows.map(|i| i / 10 * 1_000 - 4 * SECOND));
    let columns: Vec<arrow::array::ArrayRef> = vec![Arc::new(times), Arc::new(keys)];
    (marks, RecordBatch::try_new(input(), columns).expect("fits"))
}

fn aggregate(window: WindowSpec, mode: WindowMode) -> WindowAggregate {
    let bound = DataType::Timestamp(TimeUnit::Millisecond, None);
    let output = Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("window_start", bound.clone(), false),
        Field::new("window_end", bound, false),
        Field::new("count", DataType::Int64, true),
    ]);
    let count = AggregateCall {
        function: AggregateFunction::Count,
        args: Vec::new(),
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        return_type: DataType::Int64,
        ignore_nulls: false,
    };
    let spec = WindowAggregateSpec {
        window,
        time: 0,
        keys: vec![1],
        input: input(),
        calls: vec![count],
        columns: vec![WindowColumn::Key(0), WindowColumn::Start, WindowColumn::End],
        output: Arc::new(output),
        mode,
        allowed_lateness: 0,
        append_only: true,
        processing_time: false,
    };
    WindowAggregate::new(spec).expect("is supported")
}

fn measure(name: &str, window: WindowSpec, mode: WindowMode) {
    let batches: Vec<_> = (0..ROWS / BATCH).map(|i| batch(i * BATCH)).collect();
    let mut operator = aggregate(window, mode);
    let mut tracker = WatermarkTracker::new(TrackerOptions {
        input: 0,
        idle_timeout: None,
    });
    tracker.grow(1).expect("one partition");
    let mut context = EpochContext {
        epoch: 0,
        processing_time: 0,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    };
    let (mut emitted, mut offset, start) = (0, 0, Instant::now());
    for epoch in batches.chunks(EPOCH as usize) {
        let mut outbox = Outbox::default();
        context.watermark_before = tracker.begin_epoch();
        for (marks, rows) in epoch {
            let track = tracker.track(0, marks, &Offsets::From(offset));
            let rows = ZBatch::append_only(rows.clone());
            let rows = rows.with_track(Some(track.expect("fits"))).expect("fits");
            operator
                .push(&context, 0, rows, &mut outbox)
                .expect("takes rows");
            offset += BATCH as u64;
        }
        context.watermark = tracker.finish_epoch(0);
        operator.finish(&context, &mut outbox).expect("finishes");
        emitted += outbox.rows.iter().map(ZBatch::num_rows).sum::<usize>();
        assert!(outbox.late.is_empty());
    }
    let rate = ROWS as f64 / start.elapsed().as_secs_f64() / 1e6;
    println!("{name:36} {rate:8.1} M rows/s   {emitted:>9} rows emitted");
}

fn main() {
    let tumble = WindowSpec::Tumble {
        size: 10 * SECOND,
        offset: 0,
    };
    let hop = WindowSpec::Hop {
        slide: 2 * SECOND,
        size: 10 * SECOND,
        offset: 0,
    };
    let cumulate = WindowSpec::Cumulate {
        step: 2 * SECOND,
        size: 60 * SECOND,
        offset: 0,
    };
    let session = WindowSpec::Session {
        gap: 10 * SECOND,
        partition_by: Vec::new(),
    };
    for (name, window) in [
        ("tumble 10 s", tumble),
        ("hop 10 s by 2 s", hop),
        ("cumulate 60 s by 2 s", cumulate),
        ("session 10 s", session),
    ] {
        measure(
            &format!("{name}, on close"),
            window.clone(),
            WindowMode::OnClose,
        );
        measure(&format!("{name}, changes"), window, WindowMode::Updating);
    }
}
