//! Rows in memory as a table that a plan scans, and as the operator that gives them.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion_common::{Result, ScalarValue, plan_err};
use datafusion_execution::{SendableRecordBatchStream, TaskContext};
use datafusion_expr::logical_plan::{TableScan, Values};
use datafusion_expr::{ColumnarValue, TableSource};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::stream::RecordBatchStreamAdapter;
use datafusion_physical_plan::streaming::{PartitionStream, StreamingTableExec};

use super::expression::Expressions;

/// Batches of one schema.
#[derive(Debug, Clone)]
pub(in crate::batch) struct Rows {
    schema: SchemaRef,
    batches: Vec<RecordBatch>,
}

impl Rows {
    /// Batches that have the columns of `schema`.
    pub(in crate::batch) fn new(schema: SchemaRef, batches: Vec<RecordBatch>) -> Self {
        Self { schema, batches }
    }

    fn operator(
        self,
        projection: Option<&Vec<usize>>,
        limit: Option<usize>,
    ) -> Result<Arc<dyn ExecutionPlan>> {
        let schema = Arc::clone(&self.schema);
        let partitions: Vec<Arc<dyn PartitionStream>> = vec![Arc::new(self)];
        let scan = StreamingTableExec::try_new(schema, partitions, projection, [], false, limit)?;
        Ok(Arc::new(scan))
    }
}

impl TableSource for Rows {
    fn schema(&self) -> SchemaRef {
        Arc::clone(&self.schema)
    }
}

impl PartitionStream for Rows {
    fn schema(&self) -> &SchemaRef {
        &self.schema
    }

    fn execute(&self, _context: Arc<TaskContext>) -> SendableRecordBatchStream {
        let batches = futures::stream::iter(self.batches.clone().into_iter().map(Ok));
        Box::pin(RecordBatchStreamAdapter::new(
            Arc::clone(&self.schema),
            batches,
        ))
    }
}

/// The operator of a scan of [`Rows`].
pub(super) fn scan(scan: &TableScan) -> Result<Arc<dyn ExecutionPlan>> {
    let Some(rows) = scan.source.as_ref().downcast_ref::<Rows>() else {
        return plan_err!("the rows of '{}' were not loaded", scan.table_name);
    };
    rows.clone().operator(scan.projection.as_ref(), scan.fetch)
}

/// The operator of VALUES: the expressions depend on no row.
pub(super) fn values(
    values: &Values,
    expressions: &Expressions<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let schema = Arc::clone(values.schema.inner());
    let nothing = RecordBatch::new_empty(Arc::new(arrow::datatypes::Schema::empty()));
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let one_row = RecordBatch::try_new_with_options(nothing.schema(), Vec::new(), &options)?;
    let mut columns: Vec<Vec<ScalarValue>> = vec![Vec::new(); schema.fields().len()];
    for row in &values.values {
        for (column, value) in columns.iter_mut().zip(row) {
            let value = expressions.one(value, &values.schema)?.evaluate(&one_row)?;
            column.push(scalar(value)?);
        }
    }
    let columns = columns.into_iter().zip(schema.fields()).map(|(c, field)| {
        let array = ScalarValue::iter_to_array(c)?;
        match array.data_type() == field.data_type() {
            true => Ok(array),
            false => Ok(arrow::compute::cast(&array, field.data_type())?),
        }
    });
    let columns = columns.collect::<Result<Vec<ArrayRef>>>()?;
    let batch = RecordBatch::try_new(Arc::clone(&schema), columns)?;
    Rows::new(schema, vec![batch]).operator(None, None)
}

fn scalar(value: ColumnarValue) -> Result<ScalarValue> {
    match value {
        ColumnarValue::Scalar(value) => Ok(value),
        ColumnarValue::Array(array) => ScalarValue::try_from_array(&array, 0),
    }
}
