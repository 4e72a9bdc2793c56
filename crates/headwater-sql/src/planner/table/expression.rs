//! Expressions of a table's definition: computed columns and watermarks.

use std::ops::ControlFlow;
use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Fields, Schema};
use datafusion_common::tree_node::{Transformed, TreeNode};
use datafusion_common::{Column, DFSchema, DataFusionError};
use datafusion_expr::logical_plan::builder::LogicalTableSource;
use datafusion_expr::{Expr, ExprSchemable, LogicalPlan, LogicalPlanBuilder, Volatility};
use datafusion_sql::planner::{PlannerContext, SqlToRel};
use headwater_flow::plan::{ColumnDef, ColumnKind};
use sqlparser::ast::{Expr as AstExpr, Function, Spanned, visit_expressions};

use crate::error::{Result, SqlError};
use crate::functions::{CLOCK_FUNCTIONS, functions};
use crate::planner::context::{Names, PlanContext};
use crate::planner::query::parser_options;
use crate::planner::{Planner, casing, constants, from_datafusion, optimize, sugar};

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
    refuse_other_rows(ast)?;
    constants::check(ast)?;
    plan_expression(ast, columns, names).map_err(|e| from_datafusion(e, span))
}

/// What a row cannot be computed with alone. A table has no watermark before its rows are read, and may be read by several
/// pipelines at once.
fn refuse_other_rows(ast: &AstExpr) -> Result<()> {
    let found = visit_expressions(ast, |expr| {
        let what = match expr {
            AstExpr::Function(f) => of_other_rows(f).map(|what| (what, f.name.span())),
            AstExpr::Subquery(query) => Some(("a subquery".to_owned(), query.span())),
            AstExpr::InSubquery { subquery, .. } | AstExpr::Exists { subquery, .. } => {
                Some(("a subquery".to_owned(), subquery.span()))
            }
            _ => None,
        };
        match what {
            Some(found) => ControlFlow::Break(found),
            None => ControlFlow::Continue(()),
        }
    });
    let ControlFlow::Break((what, span)) = found else {
        return Ok(());
    };
    let message = format!("{what} has no meaning in the definition of a table");
    Err(SqlError::invalid(message)
        .at(span)
        .with_hint("write it in a query over the table"))
}

fn of_other_rows(function: &Function) -> Option<String> {
    let name = function.name.to_string();
    let lower = name.to_ascii_lowercase();
    let known = functions();
    let is_random = known.scalar.get(&lower).is_some_and(|f| {
        f.signature().volatility == Volatility::Volatile && !CLOCK_FUNCTIONS.contains(&f.name())
    });
    let of_rows = function.over.is_some()
        || known.aggregate.contains_key(&lower)
        || known.window.contains_key(&lower)
        || lower == "current_watermark";
    (of_rows || is_random).then(|| name.to_ascii_uppercase())
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
