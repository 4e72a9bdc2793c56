//! What a circuit has emitted and what DataFusion's batch engine says, as rows that can be compared.

use std::collections::BTreeMap;

use arrow::array::RecordBatch;
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_common::ScalarValue;
use headwater_flow::ZBatch;

use super::unnest;

pub(super) type Row = Vec<ScalarValue>;

/// Rows by their text, floats rounded, so that rows that are nearly equal stand side by side.
fn text(row: &Row) -> String {
    let values = row.iter().map(|value| match value {
        ScalarValue::Float64(Some(x)) => format!("{:.3}", x + 0.0),
        other => format!("{other:?}"),
    });
    values.collect::<Vec<_>>().join("|")
}

fn rows_of(batch: &RecordBatch) -> Vec<Row> {
    let columns = batch.columns();
    let row = |i| {
        let values = columns.iter().map(|c| ScalarValue::try_from_array(c, i));
        values.collect::<Result<Row, _>>().unwrap()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// What has been emitted, added up: by exact row its weight.
#[derive(Default)]
pub(super) struct Sum(BTreeMap<String, (Row, i64)>);

impl Sum {
    pub(super) fn add(&mut self, batches: &[ZBatch]) {
        for batch in batches {
            for (i, row) in rows_of(batch.rows()).into_iter().enumerate() {
                let entry = self.0.entry(format!("{row:?}")).or_insert((row, 0));
                entry.1 += batch.weight(i);
            }
        }
        self.0.retain(|_, (_, weight)| *weight != 0);
    }

    pub(super) fn rows(&self, query: &str) -> Vec<Row> {
        let mut rows = Vec::new();
        for (row, weight) in self.0.values() {
            assert!(*weight > 0, "{query}: {row:?} has weight {weight}");
            rows.extend((0..*weight).map(|_| row.clone()));
        }
        rows.sort_by_key(text);
        rows
    }
}

pub(super) fn batch_result(query: &str, table: &str, rows: &RecordBatch) -> Vec<Row> {
    let mut config = SessionConfig::new().with_target_partitions(1);
    config.options_mut().sql_parser.parse_float_as_decimal = true;
    config.options_mut().sql_parser.map_string_types_to_utf8view = false;
    let context = SessionContext::new_with_config(config);
    context.register_batch(table, rows.clone()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let batches = runtime.block_on(async {
        let frame = context.sql(&unnest::theirs(query)).await.unwrap();
        frame.collect().await.unwrap()
    });
    let mut rows: Vec<Row> = batches.iter().flat_map(rows_of).collect();
    rows.sort_by_key(text);
    rows
}

fn same(a: &ScalarValue, b: &ScalarValue) -> bool {
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => {
            a == b || (a - b).abs() <= 1e-9 * a.abs().max(b.abs()).max(1.0)
        }
        _ => a == b,
    }
}

pub(super) fn assert_same(found: &[Row], expected: &[Row], what: &str) {
    let equal = found.len() == expected.len()
        && found
            .iter()
            .zip(expected)
            .all(|(a, b)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b)));
    assert!(
        equal,
        "{what}\nemitted:  {:?}\nexpected: {:?}",
        found.iter().map(text).collect::<Vec<_>>(),
        expected.iter().map(text).collect::<Vec<_>>()
    );
}
