//! Arithmetic of constants whose result does not fit its type. The simplifier would wrap it around, unseen by whoever computes
//! the rest.

use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::Schema;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, Result};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_physical_expr::create_physical_expr;
use headwater_flow::functions::checked;

/// Fails for arithmetic of constants in the plan that does not fit.
pub(super) fn check(plan: &LogicalPlan) -> Result<()> {
    plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| match e {
                Expr::BinaryExpr(_) | Expr::Negative(_) if is_constant(e)? => {
                    evaluate(e)?;
                    Ok(TreeNodeRecursion::Jump)
                }
                _ => Ok(TreeNodeRecursion::Continue),
            })
        })
    })?;
    Ok(())
}

/// Whether it is made of numbers alone.
fn is_constant(expr: &Expr) -> Result<bool> {
    let is_number = |e: &Expr| match e {
        Expr::Literal(value, _) => value.data_type().is_numeric(),
        Expr::BinaryExpr(_) | Expr::Negative(_) | Expr::Cast(_) => true,
        _ => false,
    };
    Ok(!expr.exists(|e| Ok(!is_number(e)))?)
}

fn evaluate(expr: &Expr) -> Result<()> {
    let schema = DFSchema::empty();
    let expr = checked(expr.clone(), &schema)?;
    if !expr.transformed {
        return Ok(());
    }
    let (props, context) = (ExecutionProps::new(), PhysicalPlanningContext::default());
    let expr = create_physical_expr(&expr.data, &schema, &props, &context)?;
    let options = RecordBatchOptions::new().with_row_count(Some(1));
    let row = RecordBatch::try_new_with_options(Arc::new(Schema::empty()), Vec::new(), &options)?;
    expr.evaluate(&row).map(drop)
}
