//! Expressions over rows, as DataFusion evaluates them.

use std::sync::Arc;

use datafusion_common::{DFSchema, Result, plan_err};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::physical_planning_context::PhysicalPlanningContext;
use datafusion_expr::{Expr, SortExpr};
use datafusion_physical_expr::{
    LexOrdering, PhysicalExpr, create_physical_expr, create_physical_sort_exprs,
};

/// What the expressions of one query, or of one scalar subquery in it, refer to besides columns.
pub(super) struct Expressions<'a> {
    /// The start of the query, and its settings.
    pub(super) props: &'a ExecutionProps,
    /// The scalar subqueries.
    pub(super) context: &'a PhysicalPlanningContext,
}

impl Expressions<'_> {
    /// One expression over rows of `schema`.
    pub(super) fn one(&self, expr: &Expr, schema: &DFSchema) -> Result<Arc<dyn PhysicalExpr>> {
        create_physical_expr(expr, schema, self.props, self.context)
    }

    /// Several of them.
    pub(super) fn all(
        &self,
        exprs: &[Expr],
        schema: &DFSchema,
    ) -> Result<Vec<Arc<dyn PhysicalExpr>>> {
        exprs.iter().map(|e| self.one(e, schema)).collect()
    }

    /// An order of rows.
    pub(super) fn order(&self, by: &[SortExpr], schema: &DFSchema) -> Result<LexOrdering> {
        let by = create_physical_sort_exprs(by, schema, self.props, self.context)?;
        match LexOrdering::new(by) {
            Some(order) => Ok(order),
            None => plan_err!("a sort has no expressions"),
        }
    }
}
