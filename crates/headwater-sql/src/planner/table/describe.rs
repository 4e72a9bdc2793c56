//! The columns of a table or plan as others see them.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field};
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast};
use headwater_flow::plan::{ColumnKind, TableDef, shown};

use crate::error::SqlError;
use crate::statement::type_name;

/// The rows of a plan in the types that they are stored in.
pub(in crate::planner) fn as_stored(plan: LogicalPlan) -> Result<LogicalPlan, SqlError> {
    let stored = |f: &Arc<Field>| plain(f.data_type());
    let fields = plan.schema().fields();
    if fields.iter().all(|f| stored(f) == *f.data_type()) {
        return Ok(plan);
    }
    let columns = plan.schema().columns().into_iter().zip(fields);
    let exprs = columns.map(|(column, field)| {
        let name = column.name.clone();
        match stored(field) {
            same if same == *field.data_type() => Expr::Column(column),
            other => cast(Expr::Column(column), other).alias(name),
        }
    });
    let exprs: Vec<Expr> = exprs.collect();
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| SqlError::invalid(e.strip_backtrace()))
}

/// Column types as they are stored: no views, no dictionaries, no unsigned numbers.
pub(crate) fn plain(data_type: &DataType) -> DataType {
    match data_type {
        DataType::Utf8View | DataType::LargeUtf8 => DataType::Utf8,
        DataType::BinaryView | DataType::LargeBinary => DataType::Binary,
        DataType::Dictionary(_, value) => plain(value),
        DataType::UInt8 => DataType::Int16,
        DataType::UInt16 => DataType::Int32,
        // Counts are UInt64 in DataFusion and never that large.
        DataType::UInt32 | DataType::UInt64 => DataType::Int64,
        DataType::Null => DataType::Utf8,
        other => other.clone(),
    }
}

/// Gives the columns of a plan other names.
pub(in crate::planner) fn rename(
    plan: LogicalPlan,
    columns: &[String],
) -> Result<LogicalPlan, SqlError> {
    if columns.is_empty() {
        return Ok(plan);
    }
    let found = plan.schema().columns();
    if found.len() != columns.len() {
        return Err(SqlError::invalid(format!(
            "the view names {} columns, its query has {}",
            columns.len(),
            found.len()
        )));
    }
    let exprs = found
        .into_iter()
        .zip(columns)
        .map(|(column, name)| Expr::Column(column).alias(name));
    LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(|e| SqlError::invalid(e.strip_backtrace()))
}

/// For each column its name, type, whether it may be null, and what else was said of it.
pub(crate) fn describe(def: &TableDef) -> Vec<[String; 4]> {
    let watermark = def.watermark.as_ref();
    let seen = def.columns.iter();
    seen.filter(|c| !matches!(c.kind, ColumnKind::Count))
        .map(|c| {
            let mut extra = Vec::new();
            if def.primary_key.contains(&c.name) && !def.is_counted() {
                extra.push("PRIMARY KEY".to_owned());
            }
            match &c.kind {
                ColumnKind::Physical | ColumnKind::Count => {}
                ColumnKind::Metadata { key, .. } => extra.push(format!("METADATA FROM '{key}'")),
                ColumnKind::Computed(expr) => extra.push(format!("AS {}", shown(expr))),
            }
            if let Some(w) = watermark.filter(|w| w.column == c.name) {
                extra.push(format!("WATERMARK AS {}", shown(&w.expr)));
            }
            [
                c.name.clone(),
                type_name(&c.data_type),
                if c.nullable { "YES" } else { "NO" }.to_owned(),
                extra.join(", "),
            ]
        })
        .collect()
}
