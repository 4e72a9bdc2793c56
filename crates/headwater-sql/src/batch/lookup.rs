//! Queries of a table that name all of its key: only the records of those keys are to be read.

use std::sync::Arc;

use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, Schema};
use datafusion_common::tree_node::Transformed;
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::utils::split_conjunction;
use datafusion_expr::{BinaryExpr, Expr, LogicalPlan, Operator};
use headwater_flow::plan::{Changes, StreamTable, TableDef};

/// More keys than these are not looked up one by one.
const MAX_KEYS: usize = 1_000;

/// Tells scans what filter is above them if it names keys; the filter stays where it is.
pub(super) fn mark(plan: LogicalPlan) -> Result<LogicalPlan> {
    let marked = plan.transform_up_with_subqueries(|node| {
        let LogicalPlan::Filter(mut filter) = node else {
            return Ok(Transformed::no(node));
        };
        let LogicalPlan::TableScan(scan) = filter.input.as_ref() else {
            return Ok(Transformed::no(LogicalPlan::Filter(filter)));
        };
        let table = scan.source.as_ref().downcast_ref::<StreamTable>();
        let parts = split_conjunction(&filter.predicate).into_iter().cloned();
        let parts: Vec<Expr> = parts.collect();
        match table.and_then(|table| keys(&parts, table.def())) {
            None => Ok(Transformed::no(LogicalPlan::Filter(filter))),
            Some(_) => {
                let mut scan = scan.clone();
                scan.filters = parts;
                filter.input = Arc::new(LogicalPlan::TableScan(scan));
                Ok(Transformed::yes(LogicalPlan::Filter(filter)))
            }
        }
    })?;
    Ok(marked.data)
}

/// The keys of `table` that rows can have for which all of `filters` are true, if these say it.
pub(super) fn keys(filters: &[Expr], table: &TableDef) -> Option<RecordBatch> {
    if table.changes != Changes::Upsert || table.primary_key.is_empty() || table.is_counted() {
        return None;
    }
    let mut fields = Vec::new();
    let mut rows: Vec<Vec<ScalarValue>> = vec![Vec::new()];
    for name in &table.primary_key {
        let column = table.columns.iter().find(|c| c.name == *name)?;
        if !is_exact(&column.data_type) {
            return None;
        }
        let values = filters.iter().find_map(|filter| values(filter, name))?;
        let fits = |v: &ScalarValue| !v.is_null() && v.data_type() == column.data_type;
        if !values.iter().all(fits) || rows.len() * values.len() > MAX_KEYS {
            return None;
        }
        let with = |row: &Vec<ScalarValue>, value: &ScalarValue| {
            let mut row = row.clone();
            row.push(value.clone());
            row
        };
        let longer = rows
            .iter()
            .flat_map(|r| values.iter().map(move |v| with(r, v)));
        rows = longer.collect();
        fields.push(Field::new(name, column.data_type.clone(), column.nullable));
    }
    let columns = (0..fields.len()).map(|i| {
        let values = rows.iter().map(|row| row[i].clone());
        ScalarValue::iter_to_array(values)
    });
    let columns = columns.collect::<Result<Vec<_>>>().ok()?;
    RecordBatch::try_new(Arc::new(Schema::new(fields)), columns).ok()
}

/// Whether equal values of a type are written alike.
fn is_exact(data_type: &DataType) -> bool {
    data_type.is_integer()
        || matches!(
            data_type,
            DataType::Utf8 | DataType::Boolean | DataType::Date32 | DataType::Timestamp(_, _)
        )
}

/// The values that `column` can have if `filter` is true: those that it is compared with by `=` or IN.
fn values(filter: &Expr, column: &str) -> Option<Vec<ScalarValue>> {
    let is_column = |expr: &Expr| matches!(expr, Expr::Column(c) if c.name == column);
    let value = |expr: &Expr| match expr {
        Expr::Literal(value, _) => Some(value.clone()),
        _ => None,
    };
    match filter {
        Expr::BinaryExpr(BinaryExpr { left, op, right }) => match op {
            Operator::Eq if is_column(left) => Some(vec![value(right)?]),
            Operator::Eq if is_column(right) => Some(vec![value(left)?]),
            Operator::Or => {
                let mut either = values(left, column)?;
                either.extend(values(right, column)?);
                Some(either)
            }
            _ => None,
        },
        Expr::InList(list) if !list.negated && is_column(&list.expr) => {
            list.list.iter().map(value).collect()
        }
        _ => None,
    }
}
