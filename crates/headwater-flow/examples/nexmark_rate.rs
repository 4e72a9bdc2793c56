//! Bids per second of processor time through the circuits of Nexmark's queries 15, 16 and 17, without decoding:
//! `cargo run --release -p headwater-flow --example nexmark_rate [query]`.

#![expect(
    clippy::disallowed_methods,
    reason = "an example measures processor time"
)]
#![expect(clippy::print_stdout, reason = "an example prints what it measures")]

use std::sync::Arc;

use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray, TimestampMillisecondArray};
use arrow::datatypes::{DataType, TimeUnit};
use datafusion_common::Result;
use datafusion_expr::{Expr, ExprFunctionExt, LogicalPlan, LogicalPlanBuilder, cast, col, lit};
use datafusion_functions_aggregate::expr_fn::{avg, count, count_distinct, max, min, sum};
use headwater_flow::ZBatch;
use headwater_flow::operator::Stateless;
use headwater_flow::plan::{
    Changes, ColumnDef, ColumnKind, Emit, OutputPlan, PlanOptions, StreamTable, TableDef, lower,
};
use headwater_flow::time::{InputTime, Watermark};

const ROWS: usize = 2_000_000;
const BATCH: usize = 8192;

fn table() -> Arc<StreamTable> {
    let columns = [
        ("auction", DataType::Int64),
        ("bidder", DataType::Int64),
        ("price", DataType::Int64),
        ("channel", DataType::Utf8),
        ("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ];
    let columns = columns.map(|(name, data_type)| ColumnDef {
        name: name.to_owned(),
        data_type,
        nullable: true,
        kind: ColumnKind::Physical,
    });
    Arc::new(StreamTable::new(Arc::new(TableDef {
        name: "bid".to_owned(),
        columns: columns.to_vec(),
        watermark: None,
        primary_key: Vec::new(),
        changes: Changes::Append,
        connector: "none".to_owned(),
        options: Default::default(),
    })))
}

/// Bids distributed as the generator's: half of them on hot auctions, by hot bidders, on hot channels.
fn bids() -> Vec<RecordBatch> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move |bound: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % bound
    };
    let mut batches = Vec::new();
    for first in (0..ROWS).step_by(BATCH) {
        let mut columns = (Vec::new(), Vec::new(), Vec::new(), Vec::new(), Vec::new());
        for i in first..first + BATCH {
            let people = i as u64 / 46 + 1000;
            let auctions = i as u64 * 3 / 46 + 1000;
            columns.0.push(match random(2) {
                0 => auctions / 100 * 100,
                _ => auctions.saturating_sub(random(100)),
            } as i64);
            columns.1.push(match random(4) {
                0 => people.saturating_sub(random(1000)),
                _ => people / 100 * 100 + 1,
            } as i64);
            columns
                .2
                .push(10_f64.powf(random(6000) as f64 / 1000.0) as i64 * 100);
            columns.3.push(match random(2) {
                0 => ["Google", "Facebook", "Baidu", "Apple"][random(4) as usize].to_owned(),
                _ => format!("channel-{}", random(10_000)),
            });
            columns.4.push(1_700_000_000_000 + i as i64 / 10);
        }
        let columns: Vec<ArrayRef> = vec![
            Arc::new(Int64Array::from(columns.0)),
            Arc::new(Int64Array::from(columns.1)),
            Arc::new(Int64Array::from(columns.2)),
            Arc::new(StringArray::from(columns.3)),
            Arc::new(TimestampMillisecondArray::from(columns.4)),
        ];
        let schema = datafusion_expr::TableSource::schema(table().as_ref());
        batches.push(RecordBatch::try_new(schema, columns).expect("fits"));
    }
    batches
}

fn day() -> Expr {
    cast(cast(col("ts"), DataType::Date32), DataType::Utf8).alias("day")
}

/// The functions over all bids and over three ranges of prices.
fn ranked(function: impl Fn() -> Expr) -> Result<Vec<Expr>> {
    let price = || col("price");
    let ranges = [
        price().lt(lit(10_000_i64)),
        price()
            .gt_eq(lit(10_000_i64))
            .and(price().lt(lit(1_000_000_i64))),
        price().gt_eq(lit(1_000_000_i64)),
    ];
    let mut exprs = vec![function()];
    for range in ranges {
        exprs.push(function().filter(range).build()?);
    }
    Ok(exprs)
}

fn query(number: u32) -> Result<LogicalPlan> {
    let scan = LogicalPlanBuilder::scan("bid", table(), None)?;
    let mut functions = ranked(|| count(lit(1_i64)))?;
    let keys = match number {
        15 => vec![day()],
        16 => vec![col("channel"), day()],
        _ => vec![col("auction"), day()],
    };
    if number == 17 {
        let price = || col("price");
        let mean = avg(cast(price(), DataType::Float64));
        functions.extend([min(price()), max(price()), mean, sum(price())]);
    } else {
        functions.extend(ranked(|| count_distinct(col("bidder")))?);
        functions.extend(ranked(|| count_distinct(col("auction")))?);
    }
    scan.aggregate(keys, functions)?.build()
}

fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |i: usize| {
        fields
            .get(i)
            .and_then(|t| t.parse::<f64>().ok())
            .unwrap_or_default()
    };
    (ticks(11) + ticks(12)) / 100.0
}

fn measure(number: u32, batches: &[RecordBatch]) {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build();
    let options = PlanOptions {
        shards: 2,
        pool: Some(Arc::new(pool.expect("threads start"))),
    };
    let output = OutputPlan {
        name: format!("q{number}"),
        plan: query(number).expect("is a plan"),
        emit: Emit::Changes,
        view: false,
        has_key: false,
        required: Vec::new(),
        fails: true,
    };
    let mut lowered = lower(&[output], &options).expect("is supported");
    let input = &lowered.inputs[0];
    let names = input.schema.fields().iter();
    let indices: Vec<usize> = names
        .map(|f| batches[0].schema().index_of(f.name()).expect("is a column"))
        .collect();
    let prepared = batches.iter().map(|b| {
        let rows = ZBatch::append_only(b.project(&indices).expect("projects"));
        match &input.prepare {
            Some(calc) => calc.apply(rows).expect("prepares"),
            None => rows,
        }
    });
    let prepared: Vec<ZBatch> = prepared.collect();
    let time = InputTime {
        watermark: Watermark::MIN,
        idle: false,
    };
    let (start, mut emitted) = (cpu_seconds(), 0);
    for (epoch, chunks) in prepared.chunks(64).enumerate() {
        let epoch = epoch as u64 + 1;
        let circuit = &mut lowered.circuit;
        circuit
            .push(epoch, 0, &[chunks.to_vec()])
            .expect("takes rows");
        let outcome = circuit.finish(epoch, 0, &[time]).expect("finishes");
        emitted += outcome.outputs[0]
            .iter()
            .map(ZBatch::num_rows)
            .sum::<usize>();
    }
    let used = cpu_seconds() - start;
    let rate = ROWS as f64 / used / 1e6;
    println!("q{number}: {rate:5.2} M bids per CPU-second, {emitted} rows emitted");
}

fn main() {
    let batches = bids();
    let only = std::env::args().nth(1).and_then(|a| a.parse::<u32>().ok());
    for number in [15, 16, 17] {
        if only.is_none_or(|only| only == number) {
            measure(number, &batches);
        }
    }
}
