//! Functions with OVER. The nodes of a plan have one PARTITION BY and ORDER BY each.

use std::sync::Arc;

use datafusion_common::{DFSchema, Result, plan_err};
use datafusion_expr::expr::{Alias, NullTreatment, WindowFunction};
use datafusion_expr::logical_plan::Window;
use datafusion_expr::{Expr, WindowFrameBound};
use datafusion_physical_expr::create_physical_sort_exprs;
use datafusion_physical_plan::windows::{BoundedWindowAggExec, WindowAggExec, create_window_expr};
use datafusion_physical_plan::{ExecutionPlan, InputOrderMode, WindowExpr};

use super::expression::Expressions;

pub(super) fn operator(
    node: &Window,
    input: Arc<dyn ExecutionPlan>,
    expressions: &Expressions<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let calls = node.window_expr.iter();
    let calls = calls
        .map(|expr| call(expr, &node.schema, expressions))
        .collect::<Result<Vec<_>>>()?;
    if calls.iter().all(|call| call.uses_bounded_memory()) {
        let order = InputOrderMode::Sorted;
        let bounded = BoundedWindowAggExec::try_new(calls, input, order, false)?;
        return Ok(Arc::new(bounded));
    }
    Ok(Arc::new(WindowAggExec::try_new(calls, input, false)?))
}

fn call(
    expr: &Expr,
    schema: &DFSchema,
    expressions: &Expressions<'_>,
) -> Result<Arc<dyn WindowExpr>> {
    let (name, call) = match expr {
        Expr::Alias(Alias { name, expr, .. }) => {
            (name.clone(), expr.as_ref().clone().unalias_nested().data)
        }
        other => (other.schema_name().to_string(), other.clone()),
    };
    let Expr::WindowFunction(function) = &call else {
        return plan_err!("'{name}' is no function with OVER");
    };
    let WindowFunction { fun, params } = function.as_ref();
    let frame = &params.window_frame;
    if !has_rows(&frame.start_bound, &frame.end_bound) {
        return plan_err!(
            "the frame of '{name}' ends ({}) before it starts ({})",
            frame.end_bound,
            frame.start_bound
        );
    }
    let filter = params.filter.as_ref();
    create_window_expr(
        fun,
        name,
        &expressions.all(&params.args, schema)?,
        &expressions.all(&params.partition_by, schema)?,
        &create_physical_sort_exprs(
            &params.order_by,
            schema,
            expressions.props,
            expressions.context,
        )?,
        Arc::new(frame.clone()),
        Arc::clone(schema.inner()),
        params.null_treatment == Some(NullTreatment::IgnoreNulls),
        params.distinct,
        filter.map(|f| expressions.one(f, schema)).transpose()?,
    )
}

/// Whether a frame's bounds are in order; an unbounded one is null.
fn has_rows(start: &WindowFrameBound, end: &WindowFrameBound) -> bool {
    use WindowFrameBound::{CurrentRow, Following, Preceding};
    match (start, end) {
        (Following(_), Preceding(_) | CurrentRow) | (CurrentRow, Preceding(_)) => false,
        (Preceding(from), Preceding(to)) => !to.is_null() && (from.is_null() || from >= to),
        (Following(from), Following(to)) => !from.is_null() && (to.is_null() || from <= to),
        _ => true,
    }
}
