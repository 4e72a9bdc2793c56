//! Scalar subqueries that depend on no outer row: each runs once, before the rows of its query.

use std::sync::Arc;

use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_common::{HashMap, Result};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::logical_plan::Subquery;
use datafusion_expr::physical_planning_context::{
    PhysicalPlanningContext, ScalarSubqueryResults, SubqueryIndex,
};
use datafusion_expr::{Expr, LogicalPlan};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::scalar_subquery::{ScalarSubqueryExec, ScalarSubqueryLink};

use super::expression::Expressions;
use super::node::operator;

/// The operators of an optimised plan whose scans are of [`Rows`](super::Rows).
///
/// # Errors
/// What DataFusion says about expressions, and nodes that no query has.
pub(in crate::batch) fn plan(
    plan: &LogicalPlan,
    props: &ExecutionProps,
) -> Result<Arc<dyn ExecutionPlan>> {
    let subqueries = uncorrelated(plan)?;
    if subqueries.is_empty() {
        let context = &PhysicalPlanningContext::default();
        return operator(plan, &Expressions { props, context });
    }
    let results = ScalarSubqueryResults::new(subqueries.len());
    let mut indices = HashMap::new();
    let mut links = Vec::with_capacity(subqueries.len());
    for (number, subquery) in subqueries.into_iter().enumerate() {
        let index = SubqueryIndex::new(number);
        let plan = self::plan(&subquery.subquery, props)?;
        links.push(ScalarSubqueryLink { plan, index });
        indices.insert(subquery, index);
    }
    let context = &PhysicalPlanningContext::new(indices, results.clone());
    let main = operator(plan, &Expressions { props, context })?;
    Ok(Arc::new(ScalarSubqueryExec::new(main, links, results)))
}

/// Those of the plan's own expressions, each once; what is inside of one belongs to it.
fn uncorrelated(plan: &LogicalPlan) -> Result<Vec<Subquery>> {
    let mut found: Vec<Subquery> = Vec::new();
    plan.apply(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::ScalarSubquery(subquery) = e
                    && subquery.outer_ref_columns.is_empty()
                    && !found.contains(subquery)
                {
                    found.push(subquery.clone());
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    })?;
    Ok(found)
}
