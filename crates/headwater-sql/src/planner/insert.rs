//! `INSERT INTO`: the query's columns are matched to the sink's by position, checked, and cast where no value can be
//! misread.

use std::collections::HashMap;
use std::sync::LazyLock;

use arrow::datatypes::{DataType, Fields};
use datafusion_common::ScalarValue;
use datafusion_expr::{Expr, LogicalPlan, LogicalPlanBuilder, cast, lit};
use datafusion_functions::math::expr_fn::round;
use headwater_flow::plan::{ColumnDef, ColumnKind, TableDef};
use regex::Regex;
use sqlparser::ast::{Expr as AstExpr, SetExpr, Spanned};

use super::{Planner, from_datafusion, optimize, positional, readable};
use crate::error::{Result, SqlError, suggestion};
use crate::statement::{Insert, Name, type_name};

/// The plan whose rows are written to `target`: one column for each that can be written, in declared order.
pub(crate) fn insert_plan(
    insert: &Insert,
    target: &TableDef,
    planner: Planner<'_>,
) -> Result<LogicalPlan> {
    let convert = |e| from_datafusion(e, insert.query.span);
    let plan = planner.query(&insert.query)?;
    let plan = optimize::analyze(plan).map_err(convert)?;
    let writable: Vec<&ColumnDef> = target.columns.iter().filter(|c| is_written(c)).collect();
    let chosen = chosen_columns(insert, target, &writable)?;
    check_arity(insert, target, &chosen, &plan)?;
    let exprs = projection(insert, target, &writable, &chosen, &plan)?;
    let projected = LogicalPlanBuilder::from(plan)
        .project(exprs)
        .and_then(LogicalPlanBuilder::build)
        .map_err(convert)?;
    optimize(projected).map_err(convert)
}

/// Whether a sink stores the column.
pub(crate) fn is_written(column: &ColumnDef) -> bool {
    match column.kind {
        ColumnKind::Physical => true,
        ColumnKind::Metadata { is_virtual, .. } => !is_virtual,
        ColumnKind::Computed(_) | ColumnKind::Count => false,
    }
}

fn chosen_columns<'a>(
    insert: &Insert,
    target: &TableDef,
    writable: &[&'a ColumnDef],
) -> Result<Vec<&'a ColumnDef>> {
    if insert.columns.is_empty() {
        return Ok(writable.to_vec());
    }
    let mut chosen: Vec<&ColumnDef> = Vec::new();
    for name in &insert.columns {
        let column = find_column(name, writable).ok_or_else(|| {
            let what = if target.columns.iter().any(|c| c.name == name.value) {
                format!(
                    "column '{}' of '{}' cannot be written",
                    name.value, target.name
                )
            } else {
                format!("column '{}' not found in '{}'", name.value, target.name)
            };
            SqlError::not_found(what)
                .at(name.span)
                .with_hint_opt(suggestion(
                    &name.value,
                    writable.iter().map(|c| c.name.as_str()),
                ))
        })?;
        if chosen.iter().any(|c| c.name == column.name) {
            let message = format!("column '{}' is named twice", column.name);
            return Err(SqlError::invalid(message).at(name.span));
        }
        chosen.push(column);
    }
    Ok(chosen)
}

fn find_column<'a>(name: &Name, columns: &[&'a ColumnDef]) -> Option<&'a ColumnDef> {
    let exact = columns.iter().find(|c| c.name == name.value);
    let mut near = columns
        .iter()
        .filter(|c| !name.quoted && c.name.eq_ignore_ascii_case(&name.value));
    exact
        .or_else(|| near.next().filter(|_| near.next().is_none()))
        .copied()
}

fn check_arity(
    insert: &Insert,
    target: &TableDef,
    chosen: &[&ColumnDef],
    plan: &LogicalPlan,
) -> Result<()> {
    let found = plan.schema().fields();
    if found.len() == chosen.len() {
        return Ok(());
    }
    let list = |names: Vec<String>| names.join(", ");
    let sink = list(
        chosen
            .iter()
            .map(|c| format!("{} {}", c.name, type_name(&c.data_type)))
            .collect(),
    );
    let query = list(
        found
            .iter()
            .map(|f| format!("{} {}", readable(f.name()), type_name(f.data_type())))
            .collect(),
    );
    Err(SqlError::invalid(format!(
        "the query has {} columns, '{}' takes {}",
        found.len(),
        target.name,
        chosen.len()
    ))
    .at(insert.query.span)
    .with_hint(format!(
        "the query gives ({query}), the table takes ({sink})"
    )))
}

fn projection(
    insert: &Insert,
    target: &TableDef,
    writable: &[&ColumnDef],
    chosen: &[&ColumnDef],
    plan: &LogicalPlan,
) -> Result<Vec<Expr>> {
    let given: HashMap<&str, usize> = chosen
        .iter()
        .enumerate()
        .map(|(i, c)| (c.name.as_str(), i))
        .collect();
    let columns = plan.schema().columns();
    let mut exprs = Vec::new();
    for column in writable {
        let Some(i) = given.get(column.name.as_str()) else {
            exprs.push(missing(column, target, insert)?);
            continue;
        };
        let expr = Expr::Column(columns[*i].clone());
        let from = plan.schema().field(*i).data_type().clone();
        // A constant that does not fit is an error before anything is written.
        let fits = match insert.is_values {
            true => is_castable(&from, &column.data_type),
            false => is_assignable(&from, &column.data_type),
        };
        if !fits {
            return Err(mismatch(
                insert,
                target,
                column,
                plan.schema().field(*i),
                *i,
            ));
        }
        let is_cut = from.is_numeric() && !from.is_integer() && column.data_type.is_integer();
        let expr = match insert.is_values && is_cut {
            true => cast(round(vec![expr]), column.data_type.clone()),
            false => stored(expr, &from, &column.data_type),
        };
        exprs.push(expr.alias(&column.name));
    }
    Ok(exprs)
}

fn missing(column: &ColumnDef, target: &TableDef, insert: &Insert) -> Result<Expr> {
    if !column.nullable {
        let message = format!(
            "column '{}' of '{}' is NOT NULL and not among the columns of the INSERT",
            column.name, target.name
        );
        return Err(SqlError::invalid(message).at(insert.table.span));
    }
    let null = ScalarValue::try_from(&column.data_type)
        .map_err(|e| SqlError::invalid(e.strip_backtrace()))?;
    Ok(lit(null).alias(&column.name))
}

fn mismatch(
    insert: &Insert,
    target: &TableDef,
    column: &ColumnDef,
    field: &arrow::datatypes::Field,
    place: usize,
) -> SqlError {
    let (from, to) = (shown_type(field.data_type()), type_name(&column.data_type));
    let is_of = format!(
        "column '{}' of '{}' has type {to}",
        column.name, target.name
    );
    if let Some(value) = first_value(insert, place) {
        return SqlError::invalid(format!("{is_of}, the value has type {from}"))
            .at(value.span())
            .at(insert.query.span)
            .with_hint(format!("write a value of type {to}, or CAST(… AS {to})"));
    }
    let name = readable(field.name());
    SqlError::invalid(format!("{is_of}, the query's '{name}' has type {from}"))
        .at(insert.query.span)
        .with_hint(format!("write CAST({name} AS {to})"))
}

/// The first of the values that are inserted into a column.
fn first_value(insert: &Insert, place: usize) -> Option<&AstExpr> {
    match insert.query.ast.body.as_ref() {
        SetExpr::Values(values) if insert.is_values => values.rows.first()?.get(place),
        _ => None,
    }
}

/// Whether values of `from` may be stored as `to` without being asked for: never if that could overflow an integer or
/// fail on a text.
pub(crate) fn is_assignable(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    if from == to || matches!(from, T::Null) {
        return true;
    }
    let text = |t: &T| matches!(t, T::Utf8 | T::LargeUtf8 | T::Utf8View);
    let bytes = |t: &T| matches!(t, T::Binary | T::LargeBinary | T::BinaryView);
    if (text(from) && text(to)) || (bytes(from) && bytes(to)) {
        return true;
    }
    match (from, to) {
        (T::Timestamp(_, _) | T::Date32, T::Timestamp(_, _)) => true,
        (T::Time32(_) | T::Time64(_), T::Time32(_) | T::Time64(_)) => true,
        (T::List(a), T::List(b)) => is_assignable(a.data_type(), b.data_type()),
        (T::Map(a, _), T::Map(b, _)) => is_assignable(a.data_type(), b.data_type()),
        (T::Struct(a), T::Struct(b)) => {
            let pairs = a.iter().zip(b);
            let is_named = !is_constructed(a);
            a.len() == b.len()
                && pairs.into_iter().all(|(x, y)| {
                    (!is_named || x.name() == y.name())
                        && is_assignable(x.data_type(), y.data_type())
                })
        }
        _ if from.is_numeric() && to.is_numeric() => numbers(from, to),
        _ => false,
    }
}

/// Whether constants of `from` may stand for values of `to`, as in PostgreSQL: numbers for each other, a text for whatever
/// it says, and anything for a text.
fn is_castable(from: &DataType, to: &DataType) -> bool {
    let is_text =
        |t: &DataType| matches!(t, DataType::Utf8 | DataType::LargeUtf8 | DataType::Utf8View);
    let is_scalar = |t: &DataType| !t.is_nested() && !matches!(t, DataType::Binary);
    is_assignable(from, to)
        || (from.is_numeric() && to.is_numeric())
        || (is_text(from) && is_scalar(to))
        || (is_text(to) && is_scalar(from))
}

/// `expr` as it is stored in a column.
fn stored(expr: Expr, from: &DataType, to: &DataType) -> Expr {
    match from == to {
        true => expr,
        false if has_constructed(from) => positional::as_type(expr, to),
        false => cast(expr, to.clone()),
    }
}

/// Whether values of the type have rows in them that `ROW(…)` made.
fn has_constructed(data_type: &DataType) -> bool {
    match data_type {
        DataType::Struct(fields) => {
            is_constructed(fields) || fields.iter().any(|f| has_constructed(f.data_type()))
        }
        DataType::List(item) => has_constructed(item.data_type()),
        _ => false,
    }
}

/// A type as people write it, without the names that the fields of `ROW(…)` have inside.
fn shown_type(data_type: &DataType) -> String {
    let name = type_name(data_type);
    match has_constructed(data_type) {
        true => INNER_NAME.replace_all(&name, "$1").into_owned(),
        false => name,
    }
}

static INNER_NAME: LazyLock<Regex> =
    LazyLock::new(|| Regex::new(r"([<,] ?)c\d+ ").expect("is a pattern"));

/// Whether the fields are those of `ROW(…)`, which have no names of their own: they go by their places.
fn is_constructed(fields: &Fields) -> bool {
    let mut fields = fields.iter().enumerate();
    fields.all(|(i, f)| *f.name() == format!("c{i}"))
}

/// Integers widen; an average or a decimal may be stored as a whole number of 64 bits.
fn numbers(from: &DataType, to: &DataType) -> bool {
    use DataType as T;
    match (integer_bits(from), integer_bits(to)) {
        (Some(a), Some(b)) => a <= b,
        (None, Some(b)) => b >= 63,
        (_, None) => !matches!(to, T::Float16),
    }
}

/// Bits of magnitude of an integer type.
fn integer_bits(data_type: &DataType) -> Option<u32> {
    use DataType as T;
    Some(match data_type {
        T::Int8 => 7,
        T::UInt8 => 8,
        T::Int16 => 15,
        T::UInt16 => 16,
        T::Int32 => 31,
        T::UInt32 => 32,
        T::Int64 => 63,
        // Counts and ranks are UInt64 in DataFusion and never that large.
        T::UInt64 => 63,
        _ => return None,
    })
}
