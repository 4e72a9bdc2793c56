//! Aggregate sets: merging is the same as taking the rows at once, ordered functions, snapshots.

use std::sync::Arc;

use arrow::array::{ArrayRef, AsArray, BooleanArray, Int64Array, RecordBatch, StringArray};
use arrow::compute::SortOptions;
use arrow::datatypes::{DataType, Field, Int64Type, Schema, SchemaRef, UInt64Type};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::state::{FrozenState, SavedState};

fn schema() -> SchemaRef {
    let field = |name: &str, data_type| Field::new(name, data_type, true);
    Arc::new(Schema::new(vec![
        field("n", DataType::Int64),
        field("s", DataType::Utf8),
        field("p", DataType::Boolean),
        field("delimiter", DataType::Utf8),
        field("f", DataType::Float64),
    ]))
}

fn rows(numbers: &[Option<i64>], texts: &[Option<&str>]) -> RecordBatch {
    let count = numbers.len();
    let floats = numbers.iter().map(|n| n.map(|n| n as f64 / 3.0));
    let columns: Vec<ArrayRef> = vec![
        Arc::new(Int64Array::from(numbers.to_vec())),
        Arc::new(StringArray::from(texts.to_vec())),
        Arc::new(BooleanArray::from_iter(
            numbers.iter().map(|n| n.map(|n| n % 2 == 0)),
        )),
        Arc::new(StringArray::from(vec![", "; count])),
        Arc::new(floats.collect::<arrow::array::Float64Array>()),
    ];
    RecordBatch::try_new(schema(), columns).expect("fits")
}

fn call(function: AggregateFunction, args: &[usize], return_type: DataType) -> AggregateCall {
    AggregateCall {
        function,
        args: args.to_vec(),
        distinct: false,
        filter: None,
        order_by: Vec::new(),
        return_type,
        ignore_nulls: false,
    }
}

fn all_calls() -> Vec<AggregateCall> {
    use AggregateFunction as F;
    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let mut calls = vec![
        call(F::Count, &[], DataType::Int64),
        call(F::Sum, &[0], DataType::Int64),
        call(F::Min, &[0], DataType::Int64),
        call(F::Max, &[1], DataType::Utf8),
        call(F::ApproxDistinct, &[1], DataType::UInt64),
        call(F::BoolAnd, &[2], DataType::Boolean),
        call(F::ArrayAgg, &[0], DataType::List(item)),
    ];
    for (function, arg) in [(F::Count, 0), (F::Sum, 0), (F::Count, 1)] {
        for filter in [None, Some(2)] {
            let mut call = call(function.clone(), &[arg], DataType::Int64);
            call.distinct = true;
            call.filter = filter;
            calls.push(call);
        }
    }
    let item = Arc::new(Field::new_list_field(DataType::Int64, true));
    let mut list = call(F::ArrayAgg, &[0], DataType::List(item));
    list.distinct = true;
    calls.push(list);
    let mut texts = call(F::StringAgg, &[1, 3], DataType::LargeUtf8);
    texts.distinct = true;
    texts.order_by = vec![(1, SortOptions::default())];
    calls.push(texts);
    calls
}

fn random_rows(rng: &mut StdRng) -> RecordBatch {
    let count = rng.random_range(1..30);
    let names = ["a", "b", "c", "d"];
    let numbers: Vec<_> = (0..count)
        .map(|_| rng.random_bool(0.9).then(|| rng.random_range(0..8)))
        .collect();
    let texts: Vec<_> = (0..count)
        .map(|_| rng.random_bool(0.9).then(|| names[rng.random_range(0..4)]))
        .collect();
    rows(&numbers, &texts)
}

fn set(mode: AggregateMode) -> AggregateSet {
    AggregateSet::new(&all_calls(), &schema(), mode).expect("is supported")
}

/// Rows in panes, panes merged into a window: as if the rows had gone to the window at once.
fn check_merging(seed: u64, updating: bool) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mode = AggregateMode {
        updating,
        merging: true,
    };
    let (mut panes, mut whole) = (set(mode), set(mode));
    panes.grow(6);
    whole.grow(1);
    for _ in 0..3 {
        for pane in 1..6_u32 {
            let batch = random_rows(&mut rng);
            let some = batch.slice(0, rng.random_range(0..batch.num_rows()));
            let some = some.slice(0, some.num_rows());
            let deletions = Int64Array::from(vec![-1; some.num_rows()]);
            let count = batch.num_rows();
            panes
                .update(&vec![pane; count], &batch, None)
                .expect("takes rows");
            whole
                .update(&vec![0; count], &batch, None)
                .expect("takes rows");
            if updating {
                let count = some.num_rows();
                panes
                    .update(&vec![pane; count], &some, Some(&deletions))
                    .expect("takes rows");
                whole
                    .update(&vec![0; count], &some, Some(&deletions))
                    .expect("takes rows");
            }
        }
        panes.clear(0);
        for pane in 1..6 {
            panes.merge(0, pane).expect("merges");
        }
        let (merged, direct) = (panes.evaluate(&[0]), whole.evaluate(&[0]));
        assert_eq!(
            merged.expect("evaluates"),
            direct.expect("evaluates"),
            "seed {seed}"
        );
        panes = reborn(&mut panes, mode);
    }
}

fn reborn(set_before: &mut AggregateSet, mode: AggregateMode) -> AggregateSet {
    let frozen = FrozenState::freeze(true, |v| set_before.visit_state(v)).expect("freezes");
    let mut saved = SavedState::default();
    saved
        .overlay(&frozen.encode().expect("encodes"))
        .expect("decodes");
    let mut restored = set(mode);
    saved
        .restore(|v| restored.visit_state(v))
        .expect("restores");
    restored
}

#[test]
fn merged_panes_are_the_rows_at_once() {
    for seed in 0..6 {
        check_merging(seed, false);
        check_merging(seed, true);
    }
}

/// When two sessions become one depends on how the input was cut into epochs.
#[test]
fn sums_of_floats_do_not_tell_when_slots_were_merged() {
    let mode = AggregateMode {
        updating: false,
        merging: true,
    };
    let calls = [call(AggregateFunction::Sum, &[4], DataType::Float64)];
    let mut rng = StdRng::seed_from_u64(11);
    let mut part = |bound: i64| {
        let numbers: Vec<_> = (0..50)
            .map(|_| Some(rng.random_range(-bound..bound)))
            .collect();
        rows(&numbers, &vec![None; numbers.len()])
    };
    let (first, other, second) = (part(10), part(1_000_000_000), part(1_000));
    let sum = |merges_early: bool| {
        let mut set = AggregateSet::new(&calls, &schema(), mode).expect("is supported");
        set.grow(2);
        let mut take = |slot: u32, rows: &RecordBatch, merges: bool| {
            set.update(&vec![slot; rows.num_rows()], rows, None)
                .expect("takes rows");
            if merges {
                set.merge(0, 1).expect("merges");
                set.clear(1);
            }
        };
        take(0, &first, false);
        take(1, &other, merges_early);
        take(0, &second, !merges_early);
        set.evaluate(&[0]).expect("evaluates")
    };
    assert_eq!(sum(true), sum(false));
}

#[test]
fn a_cleared_slot_is_as_new() {
    let mode = AggregateMode {
        updating: false,
        merging: true,
    };
    let (mut used, mut fresh) = (set(mode), set(mode));
    used.grow(2);
    fresh.grow(2);
    let mut rng = StdRng::seed_from_u64(7);
    let (first, second) = (random_rows(&mut rng), random_rows(&mut rng));
    used.update(&vec![0; first.num_rows()], &first, None)
        .expect("takes rows");
    used.clear(0);
    for set in [&mut used, &mut fresh] {
        set.update(&vec![0; second.num_rows()], &second, None)
            .expect("takes rows");
    }
    let (used, fresh) = (used.evaluate(&[0, 1]), fresh.evaluate(&[0, 1]));
    assert_eq!(used.expect("evaluates"), fresh.expect("evaluates"));
}

fn evaluate(call: AggregateCall, updating: bool, batch: &RecordBatch) -> ArrayRef {
    let mode = AggregateMode {
        updating,
        merging: false,
    };
    let mut set = AggregateSet::new(&[call], &schema(), mode).expect("is supported");
    set.grow(1);
    let slots = vec![0; batch.num_rows()];
    set.update(&slots, batch, None).expect("takes rows");
    set.evaluate(&[0]).expect("evaluates").remove(0)
}

#[test]
fn lists_follow_their_order_by_then_arrival() {
    let batch = rows(
        &[Some(3), Some(1), None, Some(3), Some(2)],
        &[Some("x"), Some("y"), Some("z"), Some("w"), None],
    );
    let descending = SortOptions {
        descending: true,
        nulls_first: false,
    };
    let mut joined = call(AggregateFunction::StringAgg, &[1, 3], DataType::LargeUtf8);
    joined.order_by = vec![(0, descending)];
    let text = evaluate(joined, false, &batch);
    assert_eq!(text.as_string::<i64>().value(0), "x, w, y, z");

    let item = Arc::new(Field::new("item", DataType::Int64, true));
    let list = call(AggregateFunction::ArrayAgg, &[0], DataType::List(item));
    let list = evaluate(list, false, &batch);
    let values = list.as_list::<i32>().value(0);
    let expected = Int64Array::from(vec![Some(3), Some(1), None, Some(3), Some(2)]);
    assert_eq!(values.as_primitive::<Int64Type>(), &expected);
}

#[test]
fn first_and_last_are_by_order_then_arrival() {
    use AggregateFunction as F;
    let batch = rows(
        &[Some(2), Some(1), Some(1), Some(2)],
        &[Some("b"), Some("a1"), Some("a2"), None],
    );
    let check = |function, ordered: bool, ignore_nulls, expected: Option<&str>| {
        let mut call = call(function, &[1], DataType::Utf8);
        call.ignore_nulls = ignore_nulls;
        if ordered {
            call.order_by = vec![(0, SortOptions::default())];
        }
        let found = evaluate(call, false, &batch);
        assert_eq!(found.as_string::<i32>().iter().next(), Some(expected));
    };
    check(F::FirstValue, false, false, Some("b"));
    check(F::LastValue, false, false, None);
    check(F::LastValue, false, true, Some("a2"));
    check(F::FirstValue, true, false, Some("a1"));
    check(F::LastValue, true, true, Some("b"));
}

#[test]
fn approx_distinct_is_exact() {
    let texts: Vec<String> = (0..3000).map(|i| format!("{}", i % 1000)).collect();
    let texts: Vec<Option<&str>> = texts.iter().map(|t| Some(t.as_str())).collect();
    let batch = rows(&vec![Some(1); 3000], &texts);
    for updating in [false, true] {
        let call = call(AggregateFunction::ApproxDistinct, &[1], DataType::UInt64);
        let found = evaluate(call, updating, &batch);
        assert_eq!(found.as_primitive::<UInt64Type>().value(0), 1000);
    }
}

#[test]
fn a_type_that_cannot_be_summed_is_unsupported() {
    let call = call(AggregateFunction::Sum, &[1], DataType::Int64);
    let mode = AggregateMode {
        updating: false,
        merging: false,
    };
    let error = AggregateSet::new(&[call], &schema(), mode).err();
    let error = error.expect("text has no sum");
    assert_eq!(error.to_string(), "sum of a column of type Utf8");
}
