//! Window table functions as batches: TUMBLE and HOP by `date_bin`, CUMULATE by it and a filter, SESSION by window
//! functions over the sorted rows.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DataFusionError, Result, ScalarValue};
use datafusion_expr::expr::{Sort, WindowFunction};
use datafusion_expr::logical_plan::Aggregate;
use datafusion_expr::{
    Expr, ExprFunctionExt, Extension, LogicalPlan, LogicalPlanBuilder, UserDefinedLogicalNodeCore,
    WindowFrame, WindowFrameBound, WindowFrameUnits, WindowFunctionDefinition, cast, lit, when,
};
use headwater_flow::plan::{WindowNode, WindowSpec};

/// The most windows that one row may be in.
const MAX_WINDOWS: i64 = 100_000;

/// Replaces every window node.
pub(super) fn expand(plan: LogicalPlan) -> Result<LogicalPlan> {
    let keyed = plan.transform_down_with_subqueries(|node| match node {
        LogicalPlan::Aggregate(aggregate) => session_keys(aggregate),
        other => Ok(Transformed::no(other)),
    })?;
    let expanded = keyed.data.transform_up_with_subqueries(|node| {
        let LogicalPlan::Extension(Extension { node: inner }) = &node else {
            return Ok(Transformed::no(node));
        };
        match inner.as_any().downcast_ref::<WindowNode>() {
            Some(window) => Ok(Transformed::yes(replace(window)?)),
            None => Ok(Transformed::no(node)),
        }
    })?;
    Ok(expanded.data)
}

/// A SESSION without PARTITION BY has the keys of the aggregate above it.
fn session_keys(aggregate: Aggregate) -> Result<Transformed<LogicalPlan>> {
    let names: Vec<String> = aggregate
        .group_expr
        .iter()
        .filter_map(|e| match e {
            Expr::Column(c) => Some(c.name.clone()),
            _ => None,
        })
        .collect();
    let input = (*aggregate.input).clone().transform_down(|node| {
        let LogicalPlan::Extension(Extension { node: inner }) = &node else {
            return Ok(Transformed::no(node));
        };
        let Some(window) = inner.as_any().downcast_ref::<WindowNode>() else {
            return Ok(Transformed::no(node));
        };
        match &window.spec {
            WindowSpec::Session { gap, partition_by } if partition_by.is_empty() => {
                let columns = window.input.schema().columns().into_iter();
                let keys = columns.filter(|c| names.contains(&c.name));
                let spec = WindowSpec::Session {
                    gap: *gap,
                    partition_by: keys.collect(),
                };
                let input = std::sync::Arc::clone(&window.input);
                let window = WindowNode::try_new(input, window.time_column.clone(), spec)?;
                Ok(Transformed::yes(LogicalPlan::Extension(Extension {
                    node: std::sync::Arc::new(window),
                })))
            }
            _ => Ok(Transformed::no(node)),
        }
    })?;
    let changed = input.transformed;
    let mut aggregate = aggregate;
    aggregate.input = std::sync::Arc::new(input.data);
    Ok(if changed {
        Transformed::yes(LogicalPlan::Aggregate(aggregate))
    } else {
        Transformed::no(LogicalPlan::Aggregate(aggregate))
    })
}

fn replace(window: &WindowNode) -> Result<LogicalPlan> {
    let time = Expr::Column(window.time_column.clone());
    let input = LogicalPlanBuilder::from((*window.input).clone())
        .filter(time.clone().is_not_null())?
        .build()?;
    match &window.spec {
        WindowSpec::Tumble { size, offset } => {
            let start = bin(*size, *offset, &time);
            finish(window, input, start.clone(), start + interval(*size))
        }
        WindowSpec::Hop {
            slide,
            size,
            offset,
        } => {
            let newest = bin(*slide, *offset, &time);
            let (input, back) = steps(input, 0, size / slide - 1, *slide)?;
            let start = newest - back;
            let end = start.clone() + interval(*size);
            finish(window, input, start, end)
        }
        WindowSpec::Cumulate { step, size, offset } => {
            let start = bin(*size, *offset, &time);
            let (input, length) = steps(input, 1, size / step, *step)?;
            let end = start.clone() + length;
            let input = LogicalPlanBuilder::from(input)
                .filter(time.lt(end.clone()))?
                .build()?;
            finish(window, input, start, end)
        }
        WindowSpec::Session { gap, partition_by } => session(window, input, *gap, partition_by),
    }
}

fn interval(micros: i64) -> Expr {
    lit(ScalarValue::new_interval_mdn(
        0,
        0,
        micros.saturating_mul(1_000),
    ))
}

/// The start of the tumbling window of a point in time.
fn bin(size: i64, offset: i64, time: &Expr) -> Expr {
    let bin = datafusion_functions::datetime::date_bin();
    if offset == 0 {
        return bin.call(vec![interval(size), time.clone()]);
    }
    let shifted = time.clone() - interval(offset);
    bin.call(vec![interval(size), shifted]) + interval(offset)
}

/// Every row once for each of the intervals `first..=last` times `unit`.
fn steps(input: LogicalPlan, first: i64, last: i64, unit: i64) -> Result<(LogicalPlan, Expr)> {
    if last - first >= MAX_WINDOWS {
        return Err(DataFusionError::Plan(format!(
            "a row would be in more than {MAX_WINDOWS} windows"
        )));
    }
    let rows = (first..=last).map(|i| vec![interval(i * unit)]).collect();
    let values = LogicalPlanBuilder::values(rows)?
        .project([Expr::Column(Column::new_unqualified("column1")).alias("step")])?
        .alias("__windows")?
        .build()?;
    let joined = LogicalPlanBuilder::from(input)
        .cross_join(values)?
        .build()?;
    let step = Expr::Column(Column::new(Some("__windows"), "step"));
    Ok((joined, step))
}

/// The node's columns: those of its input, start, end, and end less a millisecond.
fn finish(window: &WindowNode, input: LogicalPlan, start: Expr, end: Expr) -> Result<LogicalPlan> {
    let schema = window.schema();
    let width = window.input.schema().fields().len();
    let mut exprs: Vec<Expr> = window
        .input
        .schema()
        .columns()
        .into_iter()
        .map(Expr::Column)
        .collect();
    let added = [start, end.clone(), end - interval(1_000)];
    for (i, expr) in added.into_iter().enumerate() {
        let (qualifier, field) = schema.qualified_field(width + i);
        let expr = cast(expr, field.data_type().clone());
        exprs.push(expr.alias_qualified(qualifier.cloned(), field.name()));
    }
    LogicalPlanBuilder::from(input).project(exprs)?.build()
}

fn session(
    window: &WindowNode,
    input: LogicalPlan,
    gap: i64,
    partition_by: &[Column],
) -> Result<LogicalPlan> {
    let time = Expr::Column(window.time_column.clone());
    let keys: Vec<Expr> = partition_by.iter().cloned().map(Expr::Column).collect();
    let order = vec![time.clone().sort(true, false)];
    let lag = datafusion_functions_window::lead_lag::lag_udwf();
    let lag = WindowFunctionDefinition::WindowUDF(lag);
    let previous = over(lag, &time, &keys, &order, None)?;
    let (plan, previous) = with_column(input, previous, "__previous")?;
    let begins = previous
        .clone()
        .is_null()
        .or(time.clone().gt(previous + interval(gap)));
    let begins = when(begins, lit(1_i64)).otherwise(lit(0_i64))?;
    let (plan, begins) = with_computed(plan, begins, "__begins")?;
    let sum = datafusion_functions_aggregate::sum::sum_udaf();
    let so_far = WindowFrame::new_bounds(
        WindowFrameUnits::Rows,
        WindowFrameBound::Preceding(ScalarValue::UInt64(None)),
        WindowFrameBound::CurrentRow,
    );
    let number = over(
        WindowFunctionDefinition::AggregateUDF(sum),
        &begins,
        &keys,
        &order,
        Some(so_far),
    )?;
    let (plan, number) = with_column(plan, number, "__session")?;
    let mut keys = keys;
    keys.push(number);
    let of_session = |f| {
        over(
            WindowFunctionDefinition::AggregateUDF(f),
            &time,
            &keys,
            &[],
            None,
        )
    };
    let first = of_session(datafusion_functions_aggregate::min_max::min_udaf())?;
    let last = of_session(datafusion_functions_aggregate::min_max::max_udaf())?;
    let (plan, first) = with_column(plan, first, "__first")?;
    let (plan, last) = with_column(plan, last, "__last")?;
    finish(window, plan, first, last + interval(gap))
}

fn over(
    function: WindowFunctionDefinition,
    arg: &Expr,
    keys: &[Expr],
    order: &[Sort],
    frame: Option<WindowFrame>,
) -> Result<Expr> {
    let frame = frame.unwrap_or_else(|| WindowFrame::new((!order.is_empty()).then_some(false)));
    let mut built =
        Expr::from(WindowFunction::new(function, vec![arg.clone()])).window_frame(frame);
    if !keys.is_empty() {
        built = built.partition_by(keys.to_vec());
    }
    if !order.is_empty() {
        built = built.order_by(order.to_vec());
    }
    built.build()
}

/// Adds the column that a window function computes.
fn with_column(plan: LogicalPlan, expr: Expr, name: &str) -> Result<(LogicalPlan, Expr)> {
    let computed = Expr::Column(Column::new_unqualified(expr.schema_name().to_string()));
    let plan = LogicalPlanBuilder::window_plan(plan, [expr])?;
    let all = plan.schema().columns();
    let kept = all[..all.len() - 1].iter().cloned().map(Expr::Column);
    let exprs: Vec<Expr> = kept.chain([computed.alias(name)]).collect();
    let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
    Ok((plan, Expr::Column(Column::new_unqualified(name))))
}

fn with_computed(plan: LogicalPlan, expr: Expr, name: &str) -> Result<(LogicalPlan, Expr)> {
    let kept = plan.schema().columns().into_iter().map(Expr::Column);
    let exprs: Vec<Expr> = kept.chain([expr.alias(name)]).collect();
    let plan = LogicalPlanBuilder::from(plan).project(exprs)?.build()?;
    Ok((plan, Expr::Column(Column::new_unqualified(name))))
}
