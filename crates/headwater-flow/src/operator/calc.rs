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
/// `early` columns are computed behind those of the input, for the predicate and the rest alike; the predicate is
/// evaluated; the `leaves` (columns, fields of structs) are read; the results are computed of the leaves of the rows that
/// pass. Without results the leaves are the output.
#[derive(Debug)]
pub struct Calc {
    early: Option<Projection>,
    predicate: Option<Arc<dyn PhysicalExpr>>,
    leaves: Projection,
    results: Option<Results>,
}

/// What is computed of the rows that pass.
#[derive(Debug)]
pub struct Results {
    /// Columns behind the leaves that several results need.
    pub late: Option<Projection>,
    /// The output.
    pub results: Projection,
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
        early: Option<Projection>,
        predicate: Option<Arc<dyn PhysicalExpr>>,
        leaves: Projection,
        results: Option<Results>,
    ) -> Self {
        Self {
            early,
            predicate,
            leaves,
            results,
        }
    }

    /// The columns of the output.
    pub fn schema(&self) -> &SchemaRef {
        match &self.results {
            Some(results) => &results.results.schema,
            None => &self.leaves.schema,
        }
    }

    /// Whether rows may be dropped.
    pub fn filters(&self) -> bool {
        self.predicate.is_some()
    }
}

impl Stateless for Calc {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let mut input = input;
        if let Some(early) = &self.early {
            input = input.with_rows(early.append(input.rows())?)?;
        }
        let mask = match &self.predicate {
            Some(predicate) => Some(evaluate_mask(predicate.as_ref(), input.rows())?),
            None => None,
        };
        let mut rows = input.with_rows(self.leaves.evaluate(input.rows())?)?;
        if let Some(mask) = mask
            && (mask.null_count() > 0 || mask.has_false())
        {
            rows = rows.filter(&mask)?;
        }
        match &self.results {
            Some(results) => rows.with_rows(results.evaluate(rows.rows())?),
            None => Ok(rows),
        }
    }
}

impl Results {
    fn evaluate(&self, leaves: &RecordBatch) -> Result<RecordBatch> {
        if leaves.num_rows() == 0 {
            return Ok(RecordBatch::new_empty(Arc::clone(&self.results.schema)));
        }
        match &self.late {
            Some(late) => self.results.evaluate(&late.append(leaves)?),
            None => self.results.evaluate(leaves),
        }
    }
}

impl Projection {
    fn evaluate(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        evaluate(&self.exprs, &self.schema, rows)
    }

    /// The columns of `rows`, and the values of the expressions behind them.
    fn append(&self, rows: &RecordBatch) -> Result<RecordBatch> {
        let count = rows.num_rows();
        let mut columns = rows.columns().to_vec();
        for expr in &self.exprs {
            columns.push(expr.evaluate(rows)?.into_array(count)?);
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.schema), columns)?)
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
