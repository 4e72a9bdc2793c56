//! Arithmetic in a query fails where it would overflow, as it does in a pipeline.

use datafusion_common::Result;
use datafusion_common::tree_node::Transformed;
use datafusion_expr::LogicalPlan;
use datafusion_expr::expr_rewriter::NamePreserver;
use datafusion_expr::utils::merge_schema;
use headwater_flow::functions;

/// The optimised plan with arithmetic that is checked; its columns keep their names.
pub(super) fn checked(plan: LogicalPlan) -> Result<LogicalPlan> {
    let checked = plan.transform_up_with_subqueries(|node| {
        if let LogicalPlan::TableScan(_) = node {
            return Ok(Transformed::no(node));
        }
        let schema = merge_schema(&node.inputs());
        let names = NamePreserver::new(&node);
        node.map_expressions(|expr| {
            let name = names.save(&expr);
            let checked = functions::checked(expr, &schema)?;
            Ok(checked.update_data(|expr| name.restore(expr)))
        })
    })?;
    Ok(checked.data)
}
