//! Puts the rows of tables where a plan scans them.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DataFusionError, TableReference};
use datafusion_expr::logical_plan::TableScan;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder};
use headwater_flow::plan::{ColumnDef, ColumnKind, StreamTable, TableDef};

use super::lookup;
use super::physical::Rows;
use crate::error::{Result, SqlError};
use crate::planner::from_datafusion;

/// Gives a query the present rows of its tables.
pub trait Tables {
    /// The rows of a table. `schema` has the stored columns (physical and metadata) that are wanted; an upsert or
    /// changelog table gives its content, not its changes. Of rows with other keys than `keys`, which has the columns of
    /// the primary key, none is wanted; they may be there.
    ///
    /// # Errors
    /// `NotFound`, `Unavailable`, `Unsupported`.
    fn rows(
        &self,
        table: &TableDef,
        schema: &SchemaRef,
        keys: Option<&RecordBatch>,
    ) -> Result<Vec<RecordBatch>>;
}

impl Tables for HashMap<String, Vec<RecordBatch>> {
    fn rows(
        &self,
        table: &TableDef,
        schema: &SchemaRef,
        _: Option<&RecordBatch>,
    ) -> Result<Vec<RecordBatch>> {
        let batches = self
            .get(&table.name)
            .ok_or_else(|| SqlError::not_found(format!("table '{}' has no rows", table.name)))?;
        batches.iter().map(|b| project(b, schema)).collect()
    }
}

/// The columns of `schema` out of a batch, by name.
pub(super) fn project(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch> {
    let columns = schema.fields().iter().map(|f| {
        let column = batch
            .column_by_name(f.name())
            .ok_or_else(|| SqlError::not_found(format!("column '{}' has no values", f.name())))?;
        if column.data_type() == f.data_type() {
            return Ok(Arc::clone(column));
        }
        arrow::compute::cast(column, f.data_type()).map_err(|e| SqlError::invalid(e.to_string()))
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let options = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(Arc::clone(schema), columns, &options)
        .map_err(|e| SqlError::invalid(e.to_string()))
}

/// Replaces every scan of a streaming table by its rows; each table is read once.
pub(super) fn load(plan: LogicalPlan, tables: &dyn Tables) -> Result<LogicalPlan> {
    let loaded = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::TableScan(scan) = &node else {
            return Ok(Transformed::no(node));
        };
        let Some(stream) = scan.source.as_ref().downcast_ref::<StreamTable>() else {
            return Ok(Transformed::no(node));
        };
        Ok(Transformed::yes(replace(scan, stream.def(), tables)?))
    });
    loaded
        .map(|t| t.data)
        .map_err(|e| from_datafusion(e, sqlparser::tokenizer::Span::empty()))
}

fn replace(
    scan: &TableScan,
    def: &TableDef,
    tables: &dyn Tables,
) -> Result<LogicalPlan, DataFusionError> {
    let wanted: Vec<&ColumnDef> = match &scan.projection {
        Some(indices) => indices.iter().map(|i| &def.columns[*i]).collect(),
        None => {
            let all = def.columns.iter();
            all.filter(|c| !matches!(c.kind, ColumnKind::Count))
                .collect()
        }
    };
    let schema = stored_schema(def, &wanted);
    let keys = lookup::keys(&scan.filters, def);
    let rows = tables.rows(def, &schema, keys.as_ref())?;
    let source = Arc::new(Rows::new(schema, rows));
    let name = scan.table_name.clone();
    if wanted.is_empty() {
        return LogicalPlanBuilder::scan(name, source, Some(Vec::new()))?.build();
    }
    let exprs = wanted
        .iter()
        .map(|c| column_expr(c, &name))
        .collect::<Result<Vec<_>, _>>()?;
    LogicalPlanBuilder::scan(name, source, None)?
        .project(exprs)?
        .build()
}

/// The stored columns that `wanted` are or are computed from.
fn stored_schema(def: &TableDef, wanted: &[&ColumnDef]) -> SchemaRef {
    let is_needed = |column: &ColumnDef| {
        wanted.iter().any(|w| match &w.kind {
            ColumnKind::Computed(expr) => expr.column_refs().iter().any(|c| c.name == column.name),
            _ => w.name == column.name,
        })
    };
    let stored = || {
        let all = def.columns.iter();
        all.filter(|c| !matches!(c.kind, ColumnKind::Computed(_)))
    };
    let mut needed: Vec<&ColumnDef> = stored().filter(|c| is_needed(c)).collect();
    if needed.is_empty() {
        // Rows are counted by some column.
        needed.extend(stored().next());
    }
    let fields = needed
        .iter()
        .map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn column_expr(column: &ColumnDef, table: &TableReference) -> Result<Expr, DataFusionError> {
    let ColumnKind::Computed(expr) = &column.kind else {
        return Ok(Expr::Column(Column::new(Some(table.clone()), &column.name)));
    };
    let qualified = expr.clone().transform(|e| {
        Ok(match e {
            Expr::Column(c) => {
                Transformed::yes(Expr::Column(Column::new(Some(table.clone()), c.name)))
            }
            other => Transformed::no(other),
        })
    })?;
    Ok(qualified
        .data
        .alias_qualified(Some(table.clone()), &column.name))
}
