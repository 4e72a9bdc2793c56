//! Rows per second of processor time of the group aggregate: `cargo run --release -p headwater-flow --example group_rate`.

#![expect(clippy::disallowed_methods, reason = "an example measures time")]
#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::sync::Arc;
use std::time::Instant;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use headwater_flow::ZBatch;
use headwater_flow::operator::{
    AggregateCall, AggregateFunction, EpochContext, GroupAggregate, Operator, Outbox,
};
use headwater_flow::state::FrozenState;
use headwater_flow::time::Watermark;

const ROWS: usize = 1 << 23;
const BATCH: usize = 8192;

fn call(
    function: AggregateFunction,
    args: &[usize],
    distinct: bool,
    filter: Option<usize>,
) -> AggregateCall {
    let return_type = match function {
        AggregateFunction::Avg => DataType::Float64,
        _ => DataType::Int64,
    };
    AggregateCall {
        function,
        args: args.to_vec(),
        distinct,
        filter,
        order_by: Vec::new(),
        return_type,
        ignore_nulls: false,
    }
}

fn batches(keys: impl Fn(u64) -> ArrayRef, schema: &SchemaRef, groups: u64) -> Vec<ZBatch> {
    let mut next = 0x9e37_79b9_7f4a_7c15_u64;
    (0..ROWS / BATCH)
        .map(|_| {
            let mut random = |bound: u64| -> Vec<u64> {
                (0..BATCH)
                    .map(|_| {
                        next ^= next << 13;
                        next ^= next >> 7;
                        next ^= next << 17;
                        next % bound
                    })
                    .collect()
            };
            let values = random(groups);
            let column: ArrayRef = match schema.field(0).data_type() {
                DataType::Int64 => Arc::new(Int64Array::from_iter_values(
                    values.iter().map(|v| *v as i64),
                )),
                _ => keys(values[0]),
            };
            let others = random(20_000);
            let other: ArrayRef = Arc::new(Int64Array::from_iter_values(
                others.iter().map(|v| *v as i64),
            ));
            let rows = RecordBatch::try_new(Arc::clone(schema), vec![column, other]);
            ZBatch::append_only(rows.expect("fits"))
        })
        .collect()
}

fn measure(name: &str, key: DataType, groups: u64, calls: &[AggregateCall], epoch_batches: usize) {
    let schema = Arc::new(Schema::new(vec![
        Field::new("k", key.clone(), true),
        Field::new("v", DataType::Int64, true),
    ]));
    let text = |v: u64| -> ArrayRef {
        let texts = (0..BATCH as u64).map(|i| Some(format!("channel-{}", (v + i) % groups)));
        Arc::new(texts.collect::<StringArray>())
    };
    let input = batches(text, &schema, groups);
    let mut fields = vec![Field::new("k", key, true)];
    for (i, call) in calls.iter().enumerate() {
        fields.push(Field::new(format!("c{i}"), call.return_type.clone(), true));
    }
    let output = Arc::new(Schema::new(fields));
    let mut group =
        GroupAggregate::new(vec![0], &schema, calls, output, true).expect("is supported");
    let context = context();
    let start = cpu_ns();
    let mut emitted = 0;
    for epoch in input.chunks(epoch_batches) {
        let mut outbox = Outbox::default();
        for batch in epoch {
            group
                .push(&context, 0, batch.clone(), &mut outbox)
                .expect("takes rows");
        }
        group.finish(&context, &mut outbox).expect("finishes");
        emitted += outbox.rows.iter().map(ZBatch::num_rows).sum::<usize>();
    }
    let rate = ROWS as f64 * 1e3 / (cpu_ns() - start) as f64;
    println!("{name:32} {groups:>9} groups {rate:8.1} M rows/s   {emitted} rows emitted");
}

/// Nanoseconds of processor time that this thread has used: other processes do not disturb it much.
fn cpu_ns() -> u64 {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let used = stat.split_whitespace().next();
    used.and_then(|n| n.parse().ok()).unwrap_or_default()
}

/// Ten million groups: the memory of the process, and how long a snapshot holds the operator up.
fn large_state() {
    let schema = Arc::new(Schema::new(vec![Field::new("k", DataType::Int64, true)]));
    let output = Arc::new(Schema::new(vec![
        Field::new("k", DataType::Int64, true),
        Field::new("c", DataType::Int64, true),
    ]));
    let calls = [call(AggregateFunction::Count, &[], false, None)];
    let mut group =
        GroupAggregate::new(vec![0], &schema, &calls, output, true).expect("is supported");
    let mut pause = std::time::Duration::ZERO;
    let mut written = 0;
    for round in 0..100_i64 {
        let mut outbox = Outbox::default();
        for part in 0..13 {
            let first = (round * 13 + part) * BATCH as i64;
            let keys = (first..first + BATCH as i64).map(|i| i % 10_000_000 * 7919);
            let keys: ArrayRef = Arc::new(Int64Array::from_iter_values(keys));
            let rows = RecordBatch::try_new(Arc::clone(&schema), vec![keys]).expect("fits");
            let rows = ZBatch::append_only(rows);
            group
                .push(&context(), 0, rows, &mut outbox)
                .expect("takes rows");
        }
        group.finish(&context(), &mut outbox).expect("finishes");
        let start = Instant::now();
        let frozen = FrozenState::freeze(round == 99, |v| group.visit_state(v)).expect("freezes");
        pause = pause.max(start.elapsed());
        written += frozen.encode().expect("encodes").len();
    }
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find(|l| l.starts_with("VmHWM"));
    println!(
        "10 M groups: {}, longest pause {pause:?}, {} MB of snapshots",
        peak.unwrap_or_default(),
        written / 1_000_000
    );
}

fn context() -> EpochContext {
    EpochContext {
        epoch: 1,
        processing_time: 0,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    }
}

fn main() {
    if std::env::args().any(|a| a == "large") {
        return large_state();
    }
    use AggregateFunction as F;
    let only = std::env::args().nth(1).and_then(|a| a.parse::<u64>().ok());
    let count = [call(F::Count, &[], false, None)];
    let several = [
        call(F::Count, &[], false, None),
        call(F::Min, &[1], false, None),
        call(F::Max, &[1], false, None),
        call(F::Sum, &[1], false, None),
    ];
    let distinct = [call(F::Count, &[1], true, None)];
    for groups in [1_000, 100_000, 1_000_000] {
        if only.is_some_and(|only| only != groups) {
            continue;
        }
        measure("count by i64", DataType::Int64, groups, &count, 1024);
        measure(
            "count by i64, 8 epochs",
            DataType::Int64,
            groups,
            &count,
            128,
        );
        measure(
            "count, min, max, sum by i64",
            DataType::Int64,
            groups,
            &several,
            128,
        );
    }
    if only.is_some_and(|only| only != 10) {
        return;
    }
    measure("count by text", DataType::Utf8, 1_000, &count, 128);
    measure(
        "count(distinct) by i64",
        DataType::Int64,
        10,
        &distinct,
        128,
    );
    measure(
        "count(distinct) by i64",
        DataType::Int64,
        1_000,
        &distinct,
        128,
    );
}
