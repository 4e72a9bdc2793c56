//! The relations that DataFusion does not plan: window table functions, UNNEST beside a table, tables with hints or as of a
//! time.
//! Also refuses what it would silently ignore: samples.

use std::sync::Arc;

use datafusion_expr::planner::{
    PlannedRelation, RelationPlanner, RelationPlannerContext, RelationPlanning,
};
use datafusion_expr::{LogicalPlan, LogicalPlanBuilder, TableSource};
use headwater_flow::plan::StreamTable;
use sqlparser::ast::{
    Expr as AstExpr, FunctionArguments, ObjectName, Spanned, TableAlias, TableFactor,
};

use super::args::Result;
use super::call::Call;
use crate::error::SqlError;
use crate::planner::hints::Overrides;
use crate::planner::unnest::{self, Carried};
use crate::statement::WINDOW_FUNCTIONS;

/// Plans the relations that DataFusion does not know.
#[derive(Debug)]
pub(in crate::planner) struct Relations {
    overrides: Overrides,
}

impl Relations {
    pub(in crate::planner) fn new(overrides: Overrides) -> Self {
        Self { overrides }
    }

    /// The scan of what stands in for the table of this name.
    fn overridden(&self, name: &ObjectName) -> Result<Option<LogicalPlan>> {
        let ident = name.0.last().and_then(|p| p.as_ident());
        let Some(ident) = ident else { return Ok(None) };
        let Some(source) = self.overrides.get(&ident.span) else {
            return Ok(None);
        };
        let source: Arc<dyn TableSource> = Arc::<StreamTable>::clone(source);
        let scan = LogicalPlanBuilder::scan(ident.value.clone(), source, None)?;
        scan.build().map(Some)
    }
}

impl RelationPlanner for Relations {
    fn plan_relation(
        &self,
        relation: TableFactor,
        context: &mut dyn RelationPlannerContext,
    ) -> Result<RelationPlanning> {
        refuse_ignored(&relation)?;
        if let Some(unnest) = Carried::of(&relation) {
            return Ok(planned(unnest::plan(unnest, context)?, None));
        }
        let (call, alias) = match relation {
            TableFactor::Table {
                ref name,
                ref args,
                ref alias,
                ..
            } => match (window_function(name), args) {
                (Some(function), Some(args)) => {
                    (Call::new(function, &args.args, name.span()), alias.clone())
                }
                (None, Some(_)) => return Err(unknown(name).into()),
                _ => {
                    return Ok(match self.overridden(name)? {
                        Some(scan) => planned(scan, alias.clone()),
                        None => RelationPlanning::Original(Box::new(relation)),
                    });
                }
            },
            TableFactor::TableFunction { expr, alias } => (wrapped(&expr)?, alias),
            other => return Ok(RelationPlanning::Original(Box::new(other))),
        };
        let plan = call?.plan(context)?;
        Ok(planned(plan, alias))
    }
}

fn planned(plan: LogicalPlan, alias: Option<TableAlias>) -> RelationPlanning {
    RelationPlanning::Planned(Box::new(PlannedRelation::new(plan, alias)))
}

fn refuse_ignored(relation: &TableFactor) -> Result<()> {
    let TableFactor::Table {
        sample,
        with_hints,
        name,
        ..
    } = relation
    else {
        return Ok(());
    };
    let what = match (sample, with_hints.is_empty()) {
        (Some(_), _) => "TABLESAMPLE",
        (_, false) => "a table hint",
        _ => return Ok(()),
    };
    let error = SqlError::unsupported(format!("{what} is not supported on '{name}' yet"));
    Err(error.at(name.span()).into())
}

pub(super) fn window_function(name: &ObjectName) -> Option<&'static str> {
    let [part] = name.0.as_slice() else {
        return None;
    };
    let ident = part.as_ident()?;
    WINDOW_FUNCTIONS
        .into_iter()
        .find(|f| ident.quote_style.is_none() && f.eq_ignore_ascii_case(&ident.value))
}

fn unknown(name: &ObjectName) -> SqlError {
    SqlError::not_found(format!("unknown table function '{name}'"))
        .at(name.span())
        .with_hint_opt(crate::error::suggestion(
            &name.to_string(),
            WINDOW_FUNCTIONS,
        ))
}

/// `TABLE( f(…) )`.
pub(super) fn wrapped(expr: &AstExpr) -> Result<Result<Call>> {
    if let AstExpr::Function(function) = expr
        && let FunctionArguments::List(list) = &function.args
    {
        if let Some(name) = window_function(&function.name) {
            return Ok(Call::new(name, &list.args, function.name.span()));
        }
        return Err(unknown(&function.name).into());
    }
    let error = SqlError::syntax("expected a table function in TABLE( … )");
    Err(error.at(expr.span()).into())
}
