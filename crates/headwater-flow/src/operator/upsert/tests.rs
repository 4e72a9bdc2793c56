//! Upserts against the last row of each key.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray};
use arrow::datatypes::{DataType, Field, Int64Type, Schema};

use super::*;
use crate::time::Watermark;

fn schema() -> SchemaRef {
    Arc::new(Schema::new(vec![
        Field::new("id", DataType::Int64, true),
        Field::new("v", DataType::Int64, true),
    ]))
}

fn push(upsert: &mut Upsert, changes: &[(i64, Option<i64>)]) -> Vec<(i64, i64, i64)> {
    let ids = Int64Array::from_iter_values(changes.iter().map(|c| c.0));
    let values = Int64Array::from_iter(changes.iter().map(|c| c.1));
    let weights = Int64Array::from_iter_values(changes.iter().map(|c| match c.1 {
        Some(_) => 1,
        None => -1,
    }));
    let rows = RecordBatch::try_new(schema(), vec![Arc::new(ids), Arc::new(values)]);
    let rows = ZBatch::new(rows.expect("fits"), Some(weights)).expect("fits");
    let context = EpochContext {
        epoch: 1,
        processing_time: 0,
        watermark_before: Watermark::MIN,
        watermark: Watermark::MIN,
    };
    let mut outbox = Outbox::default();
    upsert
        .push(&context, 0, rows, &mut outbox)
        .expect("takes rows");
    let mut emitted = Vec::new();
    for batch in &outbox.rows {
        let column = |i| batch.rows().column(i).as_primitive::<Int64Type>().clone();
        let (ids, values) = (column(0), column(1));
        assert_eq!(values.null_count(), 0);
        for i in 0..batch.num_rows() {
            emitted.push((ids.value(i), values.value(i), batch.weight(i)));
        }
    }
    emitted
}

#[test]
fn a_row_replaces_the_last_of_its_key() {
    let mut upsert = Upsert::new(vec![0], schema()).expect("is supported");
    let first = push(&mut upsert, &[(1, Some(10)), (2, Some(20)), (1, Some(11))]);
    assert_eq!(first, [(1, 10, 1), (2, 20, 1), (1, 10, -1), (1, 11, 1)]);
    let second = push(
        &mut upsert,
        &[(2, None), (3, None), (2, None), (2, Some(21))],
    );
    assert_eq!(second, [(2, 20, -1), (2, 21, 1)]);
    assert_eq!(push(&mut upsert, &[(1, Some(11))]), [], "nothing changes");
}

#[test]
fn what_is_emitted_adds_up_to_the_last_rows() {
    let mut upsert = Upsert::new(vec![0], schema()).expect("is supported");
    let (mut last, mut sum) = (BTreeMap::new(), BTreeMap::new());
    for i in 0..400_i64 {
        let (id, value) = (i * 7 % 23, (i % 5 != 0).then_some(i % 11));
        match value {
            Some(value) => last.insert(id, value),
            None => last.remove(&id),
        };
        for (id, value, weight) in push(&mut upsert, &[(id, value)]) {
            *sum.entry((id, value)).or_insert(0) += weight;
        }
    }
    sum.retain(|_, weight| *weight != 0);
    let expected: BTreeMap<_, _> = last.into_iter().map(|row| (row, 1)).collect();
    assert_eq!(sum, expected);
    upsert.table.check_invariants().expect("holds");
}
