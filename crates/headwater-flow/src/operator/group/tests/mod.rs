//! The group aggregate against DataFusion's accumulators over the rows that are there: random inserts, deletes, epoch
//! cuts and restarts.

mod rows;

use std::collections::BTreeMap;
use std::sync::Arc;

use arrow::array::{
    BooleanArray, Decimal128Array, Float64Array, StringArray, TimestampMillisecondArray,
};
use arrow::compute::{filter_record_batch, take_record_batch};
use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion_common::ScalarValue;
use datafusion_expr::AggregateUDF;
use datafusion_functions_aggregate as df;
use datafusion_physical_expr::aggregate::AggregateExprBuilder;
use datafusion_physical_expr::expressions::Column;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::operator::AggregateFunction;
use crate::state::{FrozenState, SavedState};
use crate::time::Watermark;
use rows::{FILTER, KEY, random_rows, schema};

/// A call, and the function of DataFusion's that it must agree with.
struct Case {
    call: AggregateCall,
    oracle: Arc<AggregateUDF>,
}

fn case(oracle: Arc<AggregateUDF>, args: &[usize], distinct: bool, filter: bool) -> Case {
    let mut case = Case {
        call: AggregateCall {
            function: AggregateFunction::from_udf(&oracle),
            args: args.to_vec(),
            distinct,
            filter: filter.then_some(FILTER),
            order_by: Vec::new(),
            return_type: DataType::Null,
            ignore_nulls: false,
        },
        oracle,
    };
    case.call.return_type = case.expression().field().data_type().clone();
    case
}

impl Case {
    fn expression(&self) -> datafusion_physical_expr::aggregate::AggregateFunctionExpr {
        let args = self.call.args.iter().map(|i| {
            let schema = schema();
            let column = Column::new(schema.field(*i).name(), *i);
            Arc::new(column) as Arc<dyn datafusion_physical_expr::PhysicalExpr>
        });
        let builder = AggregateExprBuilder::new(Arc::clone(&self.oracle), args.collect());
        let builder = builder.schema(schema()).alias("x");
        let builder = if self.call.distinct {
            builder.distinct()
        } else {
            builder
        };
        builder.build().expect("DataFusion knows it")
    }

    fn expected(&self, rows: &RecordBatch) -> ScalarValue {
        let rows = match self.call.filter {
            Some(f) => {
                let mask = rows.column(f).as_any().downcast_ref::<BooleanArray>();
                filter_record_batch(rows, mask.expect("boolean")).expect("filters")
            }
            None => rows.clone(),
        };
        let mut oracle = self.expression().create_accumulator().expect("is made");
        let args = self.call.args.iter().map(|i| Arc::clone(rows.column(*i)));
        let args: Vec<ArrayRef> = args.collect();
        oracle.update_batch(&args).expect("updates");
        oracle.evaluate().expect("evaluates")
    }
}

fn cases() -> Vec<Case> {
    use df::average::avg_udaf as avg;
    use df::count::count_udaf as count;
    use df::min_max::{max_udaf as max, min_udaf as min};
    use df::sum::sum_udaf as sum;
    let mut cases = vec![
        case(df::bool_and_or::bool_and_udaf(), &[5], false, true),
        case(df::bool_and_or::bool_or_udaf(), &[5], true, false),
        case(df::variance::var_samp_udaf(), &[2], false, false),
        case(df::variance::var_pop_udaf(), &[2], false, true),
        case(df::stddev::stddev_udaf(), &[2], false, false),
        case(df::stddev::stddev_pop_udaf(), &[2], false, false),
        case(df::array_agg::array_agg_udaf(), &[1], false, false),
        case(df::array_agg::array_agg_udaf(), &[4], true, true),
    ];
    for (distinct, filter) in [(false, false), (false, true), (true, false), (true, true)] {
        for arg in [1, 2, 3] {
            cases.push(case(sum(), &[arg], distinct, filter));
        }
        cases.push(case(avg(), &[2], distinct, filter));
        for arg in [1, 2, 4, 6] {
            cases.push(case(count(), &[arg], distinct, filter));
        }
        for arg in 1..7 {
            cases.push(case(min(), &[arg], distinct, filter));
            cases.push(case(max(), &[arg], distinct, filter));
        }
    }
    cases.push(case(avg(), &[3], false, false));
    cases.push(case(df::median::median_udaf(), &[2], false, true));
    cases.push(case(df::median::median_udaf(), &[1], true, false));
    cases.push(case(df::bit_and_or_xor::bit_or_udaf(), &[1], false, false));
    cases
}

fn same(a: &ScalarValue, b: &ScalarValue) -> bool {
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => {
            (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1e-3)
        }
        (ScalarValue::List(a), ScalarValue::List(b)) => sorted(a.as_ref()) == sorted(b.as_ref()),
        _ => a == b,
    }
}

fn sorted(list: &arrow::array::ListArray) -> Option<Vec<String>> {
    let values = list.is_valid(0).then(|| list.value(0))?;
    let mut texts: Vec<String> = (0..values.len())
        .map(|i| format!("{:?}", ScalarValue::try_from_array(&values, i)))
        .collect();
    texts.sort();
    Some(texts)
}

/// What an operator has said so far: by key its row.
#[derive(Default)]
struct Reader(BTreeMap<Option<i64>, Vec<ScalarValue>>);

impl Reader {
    fn read(&mut self, batches: &[ZBatch], keys: usize, seed: u64) {
        for batch in batches {
            for i in 0..batch.num_rows() {
                let row: Vec<ScalarValue> = batch
                    .rows()
                    .columns()
                    .iter()
                    .map(|c| ScalarValue::try_from_array(c, i).expect("is a scalar"))
                    .collect();
                let key = match &row[..keys] {
                    [ScalarValue::Int64(key)] => *key,
                    _ => None,
                };
                match batch.weight(i) {
                    1 => assert!(
                        self.0.insert(key, row).is_none(),
                        "seed {seed}: twice {key:?}"
                    ),
                    -1 => assert_eq!(self.0.remove(&key), Some(row), "seed {seed}: never was"),
                    other => panic!("seed {seed}: weight {other}"),
                }
            }
        }
    }
}

fn operator(keys: &[usize], cases: &[Case], append_only: bool) -> GroupAggregate {
    let input = schema();
    let calls: Vec<AggregateCall> = cases.iter().map(|c| c.call.clone()).collect();
    let mut fields: Vec<Field> = keys.iter().map(|k| input.field(*k).clone()).collect();
    for (i, call) in calls.iter().enumerate() {
        fields.push(Field::new(format!("c{i}"), call.return_type.clone(), true));
    }
    let output = Arc::new(Schema::new(fields));
    GroupAggregate::new(keys.to_vec(), &input, &calls, output, append_only).expect("is made")
}

fn context() -> EpochContext {
    EpochContext {
        epoch: 1,
        processing_time: 0,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    }
}

/// A random part of the rows that are there, removed from them.
fn take_some(rng: &mut StdRng, live: &mut RecordBatch) -> RecordBatch {
    let (mut gone, mut left) = (Vec::new(), Vec::new());
    let share = rng.random_range(0.0..0.8);
    for i in 0..live.num_rows() as u32 {
        if rng.random_bool(share) {
            gone.push(i);
        } else {
            left.push(i);
        }
    }
    let deleted = take_record_batch(live, &UInt32Array::from(gone)).expect("takes");
    *live = take_record_batch(live, &UInt32Array::from(left)).expect("takes");
    deleted
}

fn check_against_datafusion(seed: u64, keys: &[usize], append_only: bool) {
    let mut rng = StdRng::seed_from_u64(seed);
    let cases = cases();
    let mut group = operator(keys, &cases, append_only);
    let mut live = RecordBatch::new_empty(schema());
    let mut reader = Reader::default();
    let mut saved = SavedState::default();
    for _ in 0..8 {
        let mut outbox = Outbox::default();
        for _ in 0..rng.random_range(0..3) {
            let count = rng.random_range(0..40);
            let rows = random_rows(&mut rng, count);
            live = arrow::compute::concat_batches(&schema(), [&live, &rows]).expect("same schema");
            let rows = ZBatch::append_only(rows);
            group
                .push(&context(), 0, rows, &mut outbox)
                .expect("takes rows");
            if !append_only && rng.random_bool(0.7) {
                let gone = ZBatch::append_only(take_some(&mut rng, &mut live)).negated();
                group
                    .push(&context(), 0, gone, &mut outbox)
                    .expect("takes rows");
            }
        }
        group.finish(&context(), &mut outbox).expect("finishes");
        reader.read(&outbox.rows, keys.len(), seed);
        check_rows(&reader, &live, keys, &cases, seed);

        let frozen = FrozenState::freeze(false, |v| group.visit_state(v)).expect("freezes");
        saved
            .overlay(&frozen.encode().expect("encodes"))
            .expect("decodes");
        if rng.random_bool(0.4) {
            group = operator(keys, &cases, append_only);
            saved.restore(|v| group.visit_state(v)).expect("restores");
            group.restored().expect("restores");
        }
    }
}

fn check_rows(reader: &Reader, live: &RecordBatch, keys: &[usize], cases: &[Case], seed: u64) {
    let column = live.column(KEY).as_any().downcast_ref::<Int64Array>();
    let column = column.expect("i64");
    let mut groups: BTreeMap<Option<i64>, Vec<u32>> = BTreeMap::new();
    if keys.is_empty() {
        groups.insert(None, Vec::new());
    }
    for i in 0..live.num_rows() {
        let key = (!keys.is_empty()).then(|| column.value(i));
        groups.entry(key).or_default().push(i as u32);
    }
    assert!(
        groups.keys().eq(reader.0.keys()),
        "seed {seed}: other groups"
    );
    for (key, rows) in groups {
        let rows = take_record_batch(live, &UInt32Array::from(rows)).expect("takes");
        for (i, case) in cases.iter().enumerate() {
            let (found, expected) = (&reader.0[&key][keys.len() + i], case.expected(&rows));
            assert!(
                same(found, &expected),
                "seed {seed}, group {key:?}, {:?}: {found:?}, not {expected:?}",
                case.call
            );
        }
    }
}

#[test]
fn groups_with_deletions_agree_with_datafusion() {
    for seed in 0..6 {
        check_against_datafusion(seed, &[KEY], false);
    }
}

#[test]
fn append_only_groups_agree_with_datafusion() {
    for seed in 100..104 {
        check_against_datafusion(seed, &[KEY], true);
    }
}

#[test]
fn the_global_group_is_there_for_empty_input_too() {
    for seed in 200..202 {
        check_against_datafusion(seed, &[], false);
        check_against_datafusion(seed, &[], true);
    }
}

#[test]
fn a_change_that_is_none_is_not_emitted() {
    let cases = [case(df::min_max::max_udaf(), &[1], false, false)];
    let mut group = operator(&[KEY], &cases, true);
    let mut rng = StdRng::seed_from_u64(1);
    let rows = ZBatch::append_only(random_rows(&mut rng, 100));
    let mut emitted = Vec::new();
    for _ in 0..2 {
        let mut outbox = Outbox::default();
        group
            .push(&context(), 0, rows.clone(), &mut outbox)
            .expect("takes rows");
        group.finish(&context(), &mut outbox).expect("finishes");
        emitted.push(outbox.rows.iter().map(ZBatch::num_rows).sum::<usize>());
    }
    assert_eq!(emitted, [6, 0]);
}

#[test]
fn groups_without_functions_are_distinct_rows() {
    for append_only in [true, false] {
        let mut group = operator(&[KEY], &[], append_only);
        let mut rng = StdRng::seed_from_u64(3);
        let rows = ZBatch::append_only(random_rows(&mut rng, 100));
        let mut emitted = Vec::new();
        for _ in 0..2 {
            let mut outbox = Outbox::default();
            group
                .push(&context(), 0, rows.clone(), &mut outbox)
                .expect("takes rows");
            group.finish(&context(), &mut outbox).expect("finishes");
            emitted.push(outbox.rows.iter().map(ZBatch::num_rows).sum::<usize>());
        }
        assert_eq!(emitted, [6, 0]);
    }
}
