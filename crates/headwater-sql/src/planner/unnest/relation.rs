//! The plan of an UNNEST with what stands before it: DataFusion's node over a projection, with the names of SQL above.

use std::sync::Arc;

use arrow::datatypes::{DataType, Fields};
use datafusion_common::{Column, NullHandling, Result, TableReference, UnnestOptions, plan_err};
use datafusion_expr::planner::RelationPlannerContext;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, cast, lit, when};
use datafusion_functions::core::expr_fn::get_field;
use sqlparser::ast::{Spanned, TableAlias, TableFactor};

use super::Carried;
use crate::error::SqlError;
use crate::functions::functions;
use crate::statement::type_name;

/// The name of the number of an element, unless it is given another.
const ORDINALITY: &str = "ordinality";

/// The plan of what `rewrite` made.
pub(in crate::planner) fn plan(
    carried: Carried,
    context: &mut dyn RelationPlannerContext,
) -> Result<LogicalPlan> {
    let before = match carried.before.joins.is_empty() {
        true => carried.before.relation,
        false => TableFactor::NestedJoin {
            table_with_joins: Box::new(carried.before),
            alias: None,
        },
    };
    let before = context.plan(before)?;
    let schema = Arc::clone(before.schema());
    let mut lists = Vec::new();
    for written in carried.lists {
        let span = written.span();
        let expr = context.sql_to_expr(written, &schema)?;
        lists.push(match expr.get_type(schema.as_ref())? {
            DataType::List(_) => expr,
            DataType::Map(_, _) => call("map_entries", vec![expr])?,
            other => {
                let found = type_name(&other);
                let error =
                    SqlError::invalid(format!("UNNEST takes an ARRAY or a MAP, not {found}"));
                return Err(error.at(span).into());
            }
        });
    }
    if carried.with_ordinality {
        let [list] = lists.as_slice() else {
            return plan_err!("WITH ORDINALITY counts the elements of one array");
        };
        let numbers = numbers(list)?;
        lists.push(numbers);
    }
    let unnested = unnest(before, lists, carried.is_left)?;
    let elements = elements(&unnested, schema.fields().len(), carried.with_ordinality);
    named(unnested, elements, schema.columns(), carried.alias)
}

fn call(function: &str, args: Vec<Expr>) -> Result<Expr> {
    match functions().scalar.get(function) {
        Some(f) => Ok(f.call(args)),
        None => plan_err!("unknown function '{function}'"),
    }
}

/// `[1, 2, …]` for the elements of a list.
fn numbers(list: &Expr) -> Result<Expr> {
    let length = call("array_length", vec![list.clone()])?;
    let length = when(call("empty", vec![list.clone()])?, lit(0_i64))
        .otherwise(cast(length, DataType::Int64))?;
    call("range", vec![lit(1_i64), length + lit(1_i64)])
}

/// The columns of `before`, and a column for each list, taken apart.
fn unnest(before: LogicalPlan, lists: Vec<Expr>, is_left: bool) -> Result<LogicalPlan> {
    let columns = before.schema().columns().into_iter().map(Expr::Column);
    let name = |i: usize| format!("__list_{i}");
    let count = lists.len();
    let lists = lists.into_iter().enumerate();
    let lists = lists.map(|(i, list)| list.alias(name(i)));
    let all: Vec<Expr> = columns.chain(lists).collect();
    let lists = (0..count).map(|i| Column::new_unqualified(name(i)));
    let options = UnnestOptions::new().with_null_handling(match is_left {
        true => NullHandling::PreserveAndExpandEmpty,
        false => NullHandling::Drop,
    });
    LogicalPlanBuilder::from(before)
        .project(all)?
        .unnest_columns_with_options(lists.collect(), options)?
        .build()
}

/// What is known of the elements: the columns that they are, and their names. A ROW is as many columns as it has fields.
fn elements(
    unnested: &LogicalPlan,
    first: usize,
    with_ordinality: bool,
) -> Vec<(Expr, Option<String>)> {
    let schema = unnested.schema();
    let columns = schema.columns();
    let mut elements = Vec::new();
    for at in first..columns.len() {
        let column = Expr::Column(columns[at].clone());
        let is_number = with_ordinality && at + 1 == columns.len();
        match schema.field(at).data_type() {
            DataType::Struct(fields) => elements.extend(row(&column, fields)),
            _ if is_number => elements.push((column, Some(ORDINALITY.to_owned()))),
            _ => elements.push((column, None)),
        }
    }
    elements
}

fn row(column: &Expr, fields: &Fields) -> Vec<(Expr, Option<String>)> {
    let fields = fields.iter().map(|f| f.name().clone());
    let fields = fields.map(|name| (get_field(column.clone(), name.as_str()), Some(name)));
    fields.collect()
}

/// The columns before, and those of the elements, called as the alias says.
fn named(
    unnested: LogicalPlan,
    elements: Vec<(Expr, Option<String>)>,
    before: Vec<Column>,
    alias: Option<TableAlias>,
) -> Result<LogicalPlan> {
    let (table, names) = match alias {
        Some(alias) => {
            let names = alias.columns.into_iter().map(|c| c.name.value);
            (Some(alias.name.value), names.collect::<Vec<_>>())
        }
        None => (None, Vec::new()),
    };
    if names.len() > elements.len() {
        let (named, there) = (names.len(), elements.len());
        return plan_err!("UNNEST gives {there} columns, its alias names {named}");
    }
    // As in PostgreSQL: `UNNEST(tags) AS tag` is a column `tag`.
    let fallback = table.clone().unwrap_or_else(|| "unnest".to_owned());
    let mut names = names.into_iter();
    let elements = elements.into_iter().map(|(expr, own)| {
        let name = names.next().or(own).unwrap_or_else(|| fallback.clone());
        match &table {
            Some(table) => expr.alias_qualified(Some(TableReference::bare(table.clone())), name),
            None => expr.alias(name),
        }
    });
    let columns = before.into_iter().map(Expr::Column);
    let all: Vec<Expr> = columns.chain(elements).collect();
    LogicalPlanBuilder::from(unnested).project(all)?.build()
}
