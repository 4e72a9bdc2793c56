//! DataFusion's batch engine, and how its rows are compared with those of a pipeline.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use arrow::array::{Array, RecordBatch};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use datafusion::prelude::{SessionConfig, SessionContext};
use datafusion_common::{DataFusionError, ScalarValue};

use super::json::write_json;

/// Floats are equal if they differ by so much, relative to the larger one.
const TOLERANCE: f64 = 1e-9;

pub(crate) type Row = Vec<ScalarValue>;

/// Tables in memory and queries over them.
pub(crate) struct Oracle {
    context: SessionContext,
    runtime: tokio::runtime::Runtime,
}

impl Oracle {
    pub(crate) fn new() -> Self {
        let mut config = SessionConfig::new().with_target_partitions(1);
        let options = config.options_mut();
        options.sql_parser.parse_float_as_decimal = true;
        options.sql_parser.map_string_types_to_utf8view = false;
        options.sql_parser.enable_ident_normalization = false;
        let runtime = tokio::runtime::Builder::new_current_thread();
        Self {
            context: SessionContext::new_with_config(config),
            runtime: { runtime }.build().unwrap(),
        }
    }

    /// Replaces a table.
    pub(crate) fn table(&self, name: &str, rows: RecordBatch) {
        self.context.deregister_table(name).unwrap();
        self.context.register_batch(name, rows).unwrap();
    }

    /// The rows of a query.
    pub(crate) fn run(&self, sql: &str) -> (SchemaRef, Vec<RecordBatch>) {
        let answer = self.runtime.block_on(async {
            let frame = self.context.sql(sql).await?;
            let schema = frame.schema().inner().clone();
            let batches = frame.collect().await?;
            datafusion_common::Result::Ok((schema, batches))
        });
        answer.unwrap_or_else(|e: DataFusionError| {
            panic!("the oracle cannot answer {sql}: {}", e.strip_backtrace())
        })
    }
}

/// The columns of a table in the oracle: its own, the id of a row, and the place of its arrival.
pub(crate) fn with_added(schema: &SchemaRef) -> SchemaRef {
    let added = ["__id", "__at"].map(|n| Arc::new(Field::new(n, DataType::Int64, true)));
    let fields = schema.fields().iter().cloned().chain(added);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// A batch of rows given one by one.
pub(crate) fn batch(schema: &SchemaRef, rows: &[Row]) -> RecordBatch {
    if rows.is_empty() {
        return RecordBatch::new_empty(schema.clone());
    }
    let column = |i: usize| ScalarValue::iter_to_array(rows.iter().map(|r| r[i].clone())).unwrap();
    let columns = (0..schema.fields().len()).map(column).collect();
    RecordBatch::try_new(schema.clone(), columns).unwrap()
}

/// What does not count, by row: the ends of its windows.
pub(crate) fn missing(rows: &BTreeMap<i64, Vec<i64>>) -> RecordBatch {
    let fields = ["rid", "until"].map(|n| Field::new(n, DataType::Int64, true));
    let schema: SchemaRef = Arc::new(Schema::new(fields.to_vec()));
    let value = |v: i64| ScalarValue::Int64(Some(v));
    let distinct = |ends: &Vec<i64>| ends.iter().copied().collect::<BTreeSet<i64>>();
    let rows = rows.iter().flat_map(|(id, ends)| {
        distinct(ends)
            .into_iter()
            .map(move |end| vec![value(*id), value(end)])
    });
    batch(&schema, &rows.collect::<Vec<_>>())
}

/// Rows one by one, cast to the types of `schema`.
pub(crate) fn rows(batch: &RecordBatch, schema: &SchemaRef) -> Vec<Row> {
    let columns: Vec<_> = batch
        .columns()
        .iter()
        .zip(schema.fields())
        .map(|(column, field)| cast(column, field.data_type()).unwrap())
        .collect();
    let row = |i| {
        let values = columns
            .iter()
            .map(|c| ScalarValue::try_from_array(c, i).unwrap());
        values.collect()
    };
    (0..batch.num_rows()).map(row).collect()
}

/// Brings rows into an order in which nearly equal ones stand side by side; the lists in the columns `lists` are
/// multisets.
pub(crate) fn sorted(mut rows: Vec<Row>, lists: &[usize]) -> Vec<Row> {
    for row in &mut rows {
        for list in lists {
            row[*list] = multiset(&row[*list]);
        }
    }
    let is_float = |v: &ScalarValue| matches!(v, ScalarValue::Float64(_) | ScalarValue::Float32(_));
    rows.sort_by_cached_key(|row| {
        let (floats, exact): (Row, Row) = row.iter().cloned().partition(is_float);
        (text(&exact), text(&floats))
    });
    rows
}

/// A list with its items, or a text with its parts, in order.
fn multiset(value: &ScalarValue) -> ScalarValue {
    match value {
        ScalarValue::List(list) if !value.is_null() => {
            let items = list.value(0);
            let items = (0..items.len()).map(|i| ScalarValue::try_from_array(&items, i).unwrap());
            let mut items: Vec<ScalarValue> = items.collect();
            items.sort_by_cached_key(json);
            let item = list.value_type();
            ScalarValue::List(ScalarValue::new_list(&items, &item, true))
        }
        ScalarValue::Utf8(Some(text)) | ScalarValue::LargeUtf8(Some(text)) => {
            let mut parts: Vec<&str> = text.split('|').collect();
            parts.sort_unstable();
            ScalarValue::Utf8(Some(parts.join("|")))
        }
        other => other.clone(),
    }
}

/// A value as JSON, which tells an empty list from one of a null.
fn json(value: &ScalarValue) -> String {
    let mut text = String::new();
    write_json(value, &mut text);
    text
}

/// A row as text, floats rounded.
pub(crate) fn text(row: &Row) -> String {
    let values = row.iter().map(|value| match value {
        ScalarValue::Float64(Some(x)) => format!("{:.4e}", x + 0.0),
        ScalarValue::Float32(Some(x)) => format!("{:.4e}", x + 0.0),
        other => format!("{other:?}"),
    });
    values.collect::<Vec<_>>().join(" | ")
}

/// Asserts that rows are the same, but for what floats cannot be exact in.
pub(crate) fn assert_same(found: &[Row], expected: &[Row], what: &dyn Fn() -> String) {
    let same_row =
        |(a, b): (&Row, &Row)| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(a, b));
    let equal = found.len() == expected.len() && found.iter().zip(expected).all(same_row);
    assert!(
        equal,
        "{}\nemitted ({}):\n  {}\nexpected ({}):\n  {}",
        what(),
        found.len(),
        found.iter().map(text).collect::<Vec<_>>().join("\n  "),
        expected.len(),
        expected.iter().map(text).collect::<Vec<_>>().join("\n  ")
    );
}

fn same(a: &ScalarValue, b: &ScalarValue) -> bool {
    let near = |a: f64, b: f64, tolerance: f64| {
        a == b
            || (a.is_nan() && b.is_nan())
            || (a - b).abs() <= tolerance * a.abs().max(b.abs()).max(1.0)
    };
    match (a, b) {
        (ScalarValue::Float64(Some(a)), ScalarValue::Float64(Some(b))) => near(*a, *b, TOLERANCE),
        (ScalarValue::Float32(Some(a)), ScalarValue::Float32(Some(b))) => {
            near(f64::from(*a), f64::from(*b), f64::from(f32::EPSILON) * 4.0)
        }
        _ => a == b,
    }
}
