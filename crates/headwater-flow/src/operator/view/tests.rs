//! What a view hands on, laid over what it handed on before, is what it holds.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeMap;

use arrow::array::AsArray;
use arrow::datatypes::Int64Type;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use super::*;
use crate::time::Watermark;

fn schema() -> SchemaRef {
    let field = |name: &str| Field::new(name, DataType::Int64, true);
    Arc::new(Schema::new(vec![field("k"), field("v")]))
}

fn batch(rows: &[(i64, i64, i64)]) -> ZBatch {
    let column = |f: fn(&(i64, i64, i64)) -> i64| -> ArrayRef {
        Arc::new(rows.iter().map(f).collect::<Int64Array>())
    };
    let batch = RecordBatch::try_new(schema(), vec![column(|r| r.0), column(|r| r.1)]);
    let weights = rows.iter().map(|r| r.2).collect();
    ZBatch::new(batch.unwrap(), Some(weights)).unwrap()
}

fn numbers(batch: &RecordBatch, row: usize) -> Vec<i64> {
    let value = |c: &ArrayRef| c.as_primitive::<Int64Type>().value(row);
    batch.columns().iter().map(value).collect()
}

/// The content as a multiset.
fn content(view: &View) -> BTreeMap<Vec<i64>, i64> {
    let rows = view.contents().unwrap().unwrap();
    let mut all = BTreeMap::new();
    for row in 0..rows.num_rows() {
        *all.entry(numbers(&rows, row)).or_insert(0) += 1;
    }
    all
}

fn check(counts: bool) {
    for seed in 0..20 {
        let mut rng = StdRng::seed_from_u64(seed);
        let mut view = View::new(Vec::new(), schema(), counts).unwrap();
        let mut model: BTreeMap<Vec<i64>, i64> = BTreeMap::new();
        // What a reader of the changelog has: by row its count, or just its weight.
        let mut read: BTreeMap<Vec<i64>, i64> = BTreeMap::new();
        for epoch in 1..30 {
            let context = EpochContext {
                epoch,
                processing_time: 0,
                watermark_before: Watermark::MIN,
                watermark: Watermark::MIN,
            };
            let mut out = Outbox::default();
            for _ in 0..rng.random_range(0..3) {
                let mut rows = Vec::new();
                for _ in 0..rng.random_range(0..20) {
                    let row = vec![rng.random_range(0..3), rng.random_range(0..3)];
                    let there = model.entry(row.clone()).or_insert(0);
                    let weight = rng.random_range(-*there..=2);
                    *there += weight;
                    rows.push((row[0], row[1], weight));
                }
                view.push(&context, 0, batch(&rows), &mut out).unwrap();
            }
            view.finish(&context, &mut out).unwrap();
            for changes in &out.rows {
                for i in 0..changes.num_rows() {
                    let mut row = numbers(changes.rows(), i);
                    let (weight, count) = match counts {
                        true => (changes.weight(i), row.pop().unwrap()),
                        false => (changes.weight(i), 1),
                    };
                    let there = read.entry(row).or_insert(0);
                    match (counts, weight) {
                        (true, -1) => assert_eq!(std::mem::take(there), count, "seed {seed}"),
                        (true, 1) => assert_eq!(std::mem::replace(there, count), 0, "seed {seed}"),
                        (true, other) => panic!("a weight of {other}, seed {seed}"),
                        (false, weight) => *there += weight,
                    }
                }
            }
            read.retain(|_, n| *n != 0);
            model.retain(|_, n| *n != 0);
            assert_eq!(read, model, "seed {seed}");
            assert_eq!(content(&view), model, "seed {seed}");
        }
    }
}

#[test]
fn changes_of_a_view_are_weights() {
    check(false);
}

#[test]
fn changes_of_a_view_without_a_key_are_counts() {
    check(true);
}
