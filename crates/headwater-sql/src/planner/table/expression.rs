//! Expressions of a table's definition: computed columns and watermarks.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DFSchema, DataFusionError};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder};
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use headwater_flow::plan::{ColumnDef, ColumnKind};
use sqlparser::ast::{Expr as AstExpr, Spanned, visit_expressions};

use crate::error::{Result, SqlError};
use crate::planner::context::{Names, PlanContext};
use crate::planner::query::parser_options;
use crate::planner::{Planner, casing, from_datafusion, optimize, sugar};

pub(in crate::planner) struct Planned {
    pub(in crate::planner) expr: Expr,
    pub(in crate::planner) data_type: DataType,
    pub(super) nullable: bool,
}

/// An expression over columns, types coerced, names unqualified.
pub(in crate::planner) fn expression(
    ast: &sqlparser::ast::Expr,
    columns: &[ColumnDef],
    names: &dyn Names,
) -> Result<Planned> {
    let span = ast.span();
    refuse_current_watermark(ast)?;
    plan_expression(ast, columns, names).map_err(|e| from_datafusion(e, span))
}

/// A table has no watermark before its rows are read, and may be read by several pipelines at once.
fn refuse_current_watermark(ast: &sqlparser::ast::Expr) -> Result<()> {
    let found = visit_expressions(ast, |expr| match expr {
        AstExpr::Function(f) if f.name.to_string().eq_ignore_ascii_case("current_watermark") => {
            ControlFlow::Break(f.name.span())
        }
        _ => ControlFlow::Continue(()),
    });
    match found {
        ControlFlow::Continue(()) => Ok(()),
        ControlFlow::Break(span) => {
            let message = "CURRENT_WATERMARK has no meaning in the definition of a table";
            Err(SqlError::invalid(message)
                .at(span)
                .with_hint("write it in the SELECT list or WHERE of a query over the table"))
        }
    }
}

fn plan_expression(
    ast: &sqlparser::ast::Expr,
    columns: &[ColumnDef],
    names: &dyn Names,
) -> Result<Planned, DataFusionError> {
    let fields = columns
        .iter()
        .map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    let schema = Schema::new(fields.collect::<Fields>());
    let mut ast = ast.clone();
    sugar::rewrite(&mut ast);
    casing::resolve_over(&mut ast, schema.fields());
    let context = PlanContext::new(Planner::new(names), Default::default());
    let df_schema = DFSchema::try_from(schema.clone())?;
    let expr = SqlToRel::new_with_options(&context, parser_options()).sql_to_expr(
        ast,
        &df_schema,
        &mut PlannerContext::new(),
    )?;
    let source = Arc::new(LogicalTableSource::new(Arc::new(schema)));
    let plan = LogicalPlanBuilder::scan("t", source, None)?
        .project([expr.alias("value")])?
        .build()?;
    let LogicalPlan::Projection(projection) = optimize::analyze(plan)? else {
        return Err(DataFusionError::Internal(
            "a projection was optimised away".to_owned(),
        ));
    };
    let nullable = projection.schema.field(0).is_nullable();
    let expr = projection.expr[0].clone().unalias();
    let data_type = expr.get_type(projection.input.schema())?;
    let expr = expr.transform(|e| {
        Ok(match e {
            Expr::Column(c) => Transformed::yes(Expr::Column(Column::new_unqualified(c.name))),
            other => Transformed::no(other),
        })
    })?;
    Ok(Planned {
        expr: expr.data,
        data_type,
        nullable,
    })
}

/// Replaces computed columns by what they are computed from.
pub(super) fn inline(expr: Expr, columns: &[ColumnDef]) -> Result<Expr> {
    let inlined = expr.transform(|e| {
        let Expr::Column(column) = &e else {
            return Ok(Transformed::no(e));
        };
        let found = columns.iter().find(|c| c.name == column.name);
        Ok(match found.map(|c| &c.kind) {
            Some(ColumnKind::Computed(inner)) => Transformed::yes(inner.clone()),
            _ => Transformed::no(e),
        })
    });
    match inlined {
        Ok(done) => Ok(done.data),
        Err(e) => Err(SqlError::invalid(e.strip_backtrace())),
    }
}
