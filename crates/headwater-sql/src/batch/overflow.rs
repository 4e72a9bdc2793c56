//! Arithmetic and sums in a query fail where they would overflow, as they do in a pipeline.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::tree_node::Transformed;
use datafusion_common::{DFSchema, DFSchemaRef, ExprSchema, Result};
use datafusion_expr::expr::{AggregateFunction, WindowFunction};
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::logical_plan::{Aggregate, Projection, Window};
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, WindowFunctionDefinition, cast};
use headwater_flow::functions;

/// The optimised plan with arithmetic and sums that are checked; its columns keep their names.
pub(super) fn checked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let checked = plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::TableScan(_) = node {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        let node = node.map_expressions(|expr| {
            let name = names.save(&expr);
            let checked = functions::checked(expr, &schema)?;
            Ok(checked.update_data(|expr| name.restore(expr)))
        })?;
        node.transform_data(exact_sums)
    })?;
    Ok(checked.data)
}

/// Sums in a type that has room for them, brought into their own afterwards.
fn exact_sums(node: LogicalPlan) -> Result<Transformed<LogicalPlan>> {
    let (calls, input) = match &node {
        LogicalPlan::Aggregate(Aggregate {
            aggr_expr, input, ..
        }) => (aggr_expr, input),
        LogicalPlan::Window(Window {
            window_expr, input, ..
        }) => (window_expr, input),
        _ => return Ok(Transformed::no(node)),
    };
    let mut is_wide = false;
    let mut wide = Vec::with_capacity(calls.len());
    for call in calls {
        let widened = widened(call, input.schema())?;
        is_wide |= widened.is_some();
        wide.push(widened.unwrap_or_else(|| call.clone()));
    }
    if !is_wide {
        return Ok(Transformed::no(node));
    }
    let schema = Arc::clone(node.schema());
    let exact = match node {
        LogicalPlan::Aggregate(node) => {
            LogicalPlan::Aggregate(Aggregate::try_new(node.input, node.group_expr, wide)?)
        }
        LogicalPlan::Window(node) => LogicalPlan::Window(Window::try_new(wide, node.input)?),
        other => other,
    };
    narrowed(exact, schema).map(Transformed::yes)
}

/// A sum over values of a type that has room for it; `None` for other calls.
fn widened(call: &Expr, schema: &DFSchema) -> Result<Option<Expr>> {
    let mut call = call.clone();
    let Some(arg) = summed(&mut call) else {
        return Ok(None);
    };
    let of = arg.get_type(schema)?;
    let Some(wide) = functions::wide_type("sum", &of, &of) else {
        return Ok(None);
    };
    let value = match of {
        DataType::Duration(_) => cast(arg.clone(), DataType::Int64),
        _ => arg.clone(),
    };
    *arg = cast(value, wide);
    Ok(Some(call))
}

/// What a sum adds up.
fn summed(call: &mut Expr) -> Option<&mut Expr> {
    let (function, args) = match call {
        Expr::Alias(alias) => return summed(&mut alias.expr),
        Expr::AggregateFunction(AggregateFunction { func, params }) => (func, &mut params.args),
        Expr::WindowFunction(function) => {
            let WindowFunction { fun, params } = function.as_mut();
            match fun {
                WindowFunctionDefinition::AggregateUDF(func) => (func, &mut params.args),
                WindowFunctionDefinition::WindowUDF(_) => return None,
            }
        }
        _ => return None,
    };
    match function.name() {
        "sum" => args.first_mut(),
        _ => None,
    }
}

/// The columns of `exact` as those of `schema`.
fn narrowed(exact: LogicalPlan, schema: DFSchemaRef) -> Result<LogicalPlan> {
    let columns = exact.schema().columns().into_iter().zip(schema.iter());
    let columns = columns.map(|(column, (relation, field))| {
        let data_type = exact.schema().data_type(&column)?;
        let column = Expr::Column(column);
        Ok(match data_type == field.data_type() {
            true => column,
            false => functions::narrow(column, field.data_type())
                .alias_qualified(relation.cloned(), field.name()),
        })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    let projection = Projection::try_new_with_schema(columns, Arc::new(exact), schema)?;
    Ok(LogicalPlan::Projection(projection))
}
