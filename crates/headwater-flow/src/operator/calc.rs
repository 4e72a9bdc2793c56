//! Filter and projection: stateless, run chunk by chunk on any thread. Only the columns and struct fields that the
//! projection reads are ever filtered; a projection of columns copies nothing.

use std::sync::Arc;

use arrow::array::{Array, BooleanArray, RecordBatch, RecordBatchOptions};
use arrow::datatypes::SchemaRef;
use datafusion_physical_expr::PhysicalExpr;

use super::Stateless;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};

/// A filter, then a projection.
///
/// `leaves` are read from the input (columns, fields of structs); the predicate is evaluated over the input; the
/// projection over the leaves of the rows that pass. Without a projection the leaves are the output.
#[derive(Debug)]
pub struct Calc {
    predicate: Option<Arc<dyn PhysicalExpr>>,
    leaves: Vec<Arc<dyn PhysicalExpr>>,
    leaf_schema: SchemaRef,
    projection: Option<Projection>,
}

/// Expressions and the schema of their values.
#[derive(Debug)]
pub struct Projection {
    /// One expression a column.
    pub exprs: Vec<Arc<dyn PhysicalExpr>>,
    /// The columns.
    pub schema: SchemaRef,
}

impl Calc {
    /// A filter and projection; see [`Calc`].
    pub fn new(
        predicate: Option<Arc<dyn PhysicalExpr>>,
        leaves: Vec<Arc<dyn PhysicalExpr>>,
        leaf_schema: SchemaRef,
        projection: Option<Projection>,
    ) -> Self {
        Self {
            predicate,
            leaves,
            leaf_schema,
            projection,
        }
    }

    /// The columns of the output.
    pub fn schema(&self) -> &SchemaRef {
        match &self.projection {
            Some(projection) => &projection.schema,
            None => &self.leaf_schema,
        }
    }

    /// Whether rows may be dropped.
    pub fn filters(&self) -> bool {
        self.predicate.is_some()
    }
}

impl Stateless for Calc {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let mask = match &self.predicate {
            Some(predicate) => Some(evaluate_mask(predicate.as_ref(), input.rows())?),
            None => None,
        };
        let leaves = evaluate(&self.leaves, &self.leaf_schema, input.rows())?;
        let mut rows = input.with_rows(leaves)?;
        if let Some(mask) = mask
            && (mask.null_count() > 0 || mask.has_false())
        {
            rows = rows.filter(&mask)?;
        }
        match &self.projection {
            Some(p) if rows.num_rows() > 0 => {
                rows.with_rows(evaluate(&p.exprs, &p.schema, rows.rows())?)
            }
            Some(p) => rows.with_rows(RecordBatch::new_empty(Arc::clone(&p.schema))),
            None => Ok(rows),
        }
    }
}

/// Evaluates expressions over a batch.
///
/// # Errors
/// `Invalid` if an expression fails.
pub fn evaluate(
    exprs: &[Arc<dyn PhysicalExpr>],
    schema: &SchemaRef,
    rows: &RecordBatch,
) -> Result<RecordBatch> {
    let count = rows.num_rows();
    let columns = exprs
        .iter()
        .map(|e| Ok(e.evaluate(rows)?.into_array(count)?))
        .collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(count));
    Ok(RecordBatch::try_new_with_options(
        Arc::clone(schema),
        columns,
        &options,
    )?)
}

fn evaluate_mask(predicate: &dyn PhysicalExpr, rows: &RecordBatch) -> Result<BooleanArray> {
    let mask = predicate.evaluate(rows)?.into_array(rows.num_rows())?;
    let mask = mask.as_any().downcast_ref::<BooleanArray>();
    mask.cloned()
        .ok_or_else(|| Error::new(ErrorKind::Bug, "a filter is not boolean"))
}
