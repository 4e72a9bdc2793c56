//! The prefix law: after every epoch, what a query has emitted adds up to that query run by DataFusion as a batch over
//! the rows so far. Random queries of the supported class, random inserts and deletes, random cuts, shards and threads.

use std::sync::Arc;

use arrow::array::{
    ArrayRef, Decimal128Array, Float64Array, Int64Array, RecordBatch, StringArray,
    TimestampMillisecondArray, UInt32Array,
};
use arrow::compute::{concat_batches, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_expr::LogicalPlan;
use headwater_flow::ZBatch;
use headwater_flow::operator::Stateless;
use headwater_flow::plan::{
    Changes, Emit, Lowered, OutputPlan, PlanOptions, StreamTable, TableDef, lower,
};
use headwater_flow::time::{InputTime, Watermark};
use headwater_sql::Planned;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use crate::support::{run, session};

mod queries;
mod results;
mod unnest;

use queries::random_query;
use results::{Sum, assert_same, batch_result};

const COLUMNS: &str = "k BIGINT, s STRING, v BIGINT, f DOUBLE, d DECIMAL(10, 2), ts TIMESTAMP(3)";

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("k", DataType::Int64),
        field("s", DataType::Utf8),
        field("v", DataType::Int64),
        field("f", DataType::Float64),
        field("d", DataType::Decimal128(10, 2)),
        field("ts", DataType::Timestamp(TimeUnit::Millisecond, None)),
    ]))
}

fn random_rows(rng: &mut StdRng, count: usize) -> RecordBatch {
    let (mut k, mut s, mut v, mut f, mut d, mut ts) =
        (vec![], vec![], vec![], vec![], vec![], vec![]);
    for _ in 0..count {
        let mut known = |share: f64| rng.random_bool(share);
        let nulls: Vec<bool> = (0..6).map(|_| known(0.9)).collect();
        k.push(nulls[0].then(|| rng.random_range(0..5_i64)));
        s.push(nulls[1].then(|| format!("s{}", rng.random_range(0..4))));
        v.push(nulls[2].then(|| rng.random_range(-20..20_i64)));
        f.push(nulls[3].then(|| f64::from(rng.random_range(-1000..1000)) / 8.0));
        d.push(nulls[4].then(|| rng.random_range(-9999..9999_i128)));
        ts.push(nulls[5].then(|| rng.random_range(0..600_000_i64)));
    }
    let d = Decimal128Array::from(d).with_precision_and_scale(10, 2);
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(k)),
        Arc::new(StringArray::from(s)),
        Arc::new(Int64Array::from(v)),
        Arc::new(Float64Array::from(f)),
        Arc::new(d.unwrap()),
        Arc::new(TimestampMillisecondArray::from(ts)),
    ];
    RecordBatch::try_new(schema(), columns).unwrap()
}

/// The query as a circuit.
fn circuit(table: &str, query: &str, rng: &mut StdRng) -> Lowered {
    let setup = format!("CREATE TABLE t ({COLUMNS}); CREATE TABLE c ({COLUMNS});");
    let query = unnest::ours(query);
    let sql = format!("CREATE MATERIALIZED VIEW result AS {query};");
    let mut session = session(&setup);
    let planned = match run(&mut session, &sql) {
        Ok(planned) => planned,
        Err(e) => panic!("{}", e.render(&sql)),
    };
    let Some(Planned::Pipeline(pipeline)) = planned.last() else {
        panic!("not a pipeline over {table}: {planned:?}");
    };
    let threads = rng.random_range(1..4);
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build();
    let options = PlanOptions {
        shards: *[1, 2, 4].choose(rng).unwrap(),
        pool: (threads > 1).then(|| Arc::new(pool.unwrap())),
    };
    let output = OutputPlan {
        name: "result".to_owned(),
        plan: with_changelog(pipeline.outputs[0].plan.clone()),
        emit: Emit::Changes,
        view: rng.random_bool(0.5),
        // So that what a view hands on are weighted rows.
        has_key: true,
        required: Vec::new(),
        fails: true,
    };
    lower(&[output], &options).unwrap_or_else(|e| panic!("{query}: {e}"))
}

/// The plan with `c` as a table whose records carry weights.
fn with_changelog(plan: LogicalPlan) -> LogicalPlan {
    let changed = plan.transform_up(|node| match node {
        LogicalPlan::TableScan(mut scan) if scan.table_name.table() == "c" => {
            let source: &dyn std::any::Any = scan.source.as_ref();
            let table = source.downcast_ref::<StreamTable>().unwrap();
            let mut def = TableDef::clone(table.def());
            def.changes = Changes::Weighted;
            scan.source = Arc::new(StreamTable::new(Arc::new(def)));
            Ok(Transformed::yes(LogicalPlan::TableScan(scan)))
        }
        other => Ok(Transformed::no(other)),
    });
    changed.unwrap().data
}

/// Rows as the input of a circuit.
fn prepared(lowered: &Lowered, rows: &RecordBatch, weight: i64) -> Vec<Vec<ZBatch>> {
    let Some(input) = lowered.inputs.first() else {
        return Vec::new();
    };
    let indices = input.schema.fields().iter();
    let indices: Vec<usize> = indices
        .map(|f| rows.schema().index_of(f.name()).unwrap())
        .collect();
    let decoded = rows.project(&indices).unwrap();
    let batch = ZBatch::append_only(decoded);
    let batch = match &input.prepare {
        Some(calc) => calc.apply(batch).unwrap(),
        None => batch,
    };
    vec![vec![if weight < 0 { batch.negated() } else { batch }]]
}

fn check_prefix_law(seed: u64) {
    let mut rng = StdRng::seed_from_u64(seed);
    let table = *["t", "c"].choose(&mut rng).unwrap();
    let query = random_query(&mut rng, table);
    let mut lowered = circuit(table, &query, &mut rng);
    let mut live = RecordBatch::new_empty(schema());
    let mut sum = Sum::default();
    for epoch in 1..=4 {
        for _ in 0..rng.random_range(0..4) {
            let count = rng.random_range(0..30);
            let rows = random_rows(&mut rng, count);
            live = concat_batches(&schema(), [&live, &rows]).unwrap();
            push(&mut lowered, epoch, &rows, 1, &mut sum);
            if table == "c" {
                let gone = delete_some(&mut rng, &mut live);
                push(&mut lowered, epoch, &gone, -1, &mut sum);
            }
        }
        let times = vec![
            InputTime {
                watermark: Watermark::MIN,
                idle: false
            };
            lowered.circuit.inputs()
        ];
        let outcome = lowered.circuit.finish(epoch, 0, &times).unwrap();
        sum.add(&outcome.outputs[0]);
        let expected = batch_result(&query, table, &live);
        let what = format!("seed {seed}, epoch {epoch}: {query}\n{}", lowered.explain);
        assert_same(&sum.rows(&what), &expected, &what);
    }
}

fn push(lowered: &mut Lowered, epoch: u64, rows: &RecordBatch, weight: i64, sum: &mut Sum) {
    let inputs = prepared(lowered, rows, weight);
    let outcome = lowered.circuit.push(epoch, 0, &inputs).unwrap();
    sum.add(&outcome.outputs[0]);
}

fn delete_some(rng: &mut StdRng, live: &mut RecordBatch) -> RecordBatch {
    let share = rng.random_range(0.0..0.6);
    let all = 0..live.num_rows() as u32;
    let (gone, left): (Vec<u32>, Vec<u32>) = all.partition(|_| rng.random_bool(share));
    let deleted = take_record_batch(live, &UInt32Array::from(gone)).unwrap();
    *live = take_record_batch(live, &UInt32Array::from(left)).unwrap();
    deleted
}

/// `HEADWATER_SEEDS=1000` checks so many queries.
#[test]
fn what_is_emitted_adds_up_to_the_query_over_the_rows_so_far() {
    let seeds = std::env::var("HEADWATER_SEEDS").ok();
    let seeds = seeds.and_then(|s| s.parse().ok()).unwrap_or(40);
    for seed in 0..seeds {
        check_prefix_law(seed);
    }
}
