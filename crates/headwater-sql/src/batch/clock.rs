//! Processing time in a query is the time at which the query started.

use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Result, ScalarValue};
use datafusion_expr::utils::merge_schema;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, cast, lit};

/// Makes `PROCTIME()` and `LOCALTIMESTAMP` readings of `now()`, and `CURRENT_WATERMARK(…)` null.
pub(super) fn bind(plan: LogicalPlan) -> Result<LogicalPlan> {
    let bound = plan.transform_up_with_subqueries(|node| {
        let schema = merge_schema(&node.inputs());
        node.map_expressions(|expr| {
            let name = expr.schema_name().to_string();
            let bound = expr.transform_up(|e| {
                let Expr::ScalarFunction(f) = &e else {
                    return Ok(Transformed::no(e));
                };
                if f.name() == "current_watermark" {
                    // A batch has no watermark.
                    let data_type = e.get_type(&schema)?;
                    let null = ScalarValue::try_from(&data_type)?;
                    return Ok(Transformed::yes(lit(null)));
                }
                if !matches!(f.name(), "proctime" | "localtimestamp") {
                    return Ok(Transformed::no(e));
                }
                let data_type = e.get_type(&datafusion_common::DFSchema::empty())?;
                let now = datafusion_functions::datetime::now(&crate::planner::settings());
                Ok(Transformed::yes(cast(now.call(Vec::new()), data_type)))
            })?;
            Ok(bound.update_data(|e| match e {
                Expr::Column(_) | Expr::Alias(_) => e,
                e if e.schema_name().to_string() == name => e,
                e => e.alias(&name),
            }))
        })
    })?;
    Ok(bound.data)
}
