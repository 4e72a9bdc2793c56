//! The analyzer and the logical rules that keep their meaning over unbounded, changing input.

use std::sync::{Arc, LazyLock};

use datafusion_common::Result;
use datafusion_common::config::ConfigOptions;
use datafusion_common::tree_node::{TreeNode, TreeNodeRecursion};
use datafusion_expr::execution_props::ExecutionProps;
use datafusion_expr::{Expr, LogicalPlan, Volatility};
use datafusion_optimizer::analyzer::Analyzer;
use datafusion_optimizer::common_subexpr_eliminate::CommonSubexprEliminate;
use datafusion_optimizer::decorrelate_lateral_join::DecorrelateLateralJoin;
use datafusion_optimizer::decorrelate_predicate_subquery::DecorrelatePredicateSubquery;
use datafusion_optimizer::eliminate_cross_join::EliminateCrossJoin;
use datafusion_optimizer::eliminate_duplicated_expr::EliminateDuplicatedExpr;
use datafusion_optimizer::eliminate_filter::EliminateFilter;
use datafusion_optimizer::eliminate_outer_join::EliminateOuterJoin;
use datafusion_optimizer::extract_equijoin_predicate::ExtractEquijoinPredicate;
use datafusion_optimizer::optimize_projections::OptimizeProjections;
use datafusion_optimizer::push_down_filter::PushDownFilter;
use datafusion_optimizer::replace_distinct_aggregate::ReplaceDistinctWithAggregate;
use datafusion_optimizer::scalar_subquery_to_join::ScalarSubqueryToJoin;
use datafusion_optimizer::simplify_expressions::SimplifyExpressions;
use datafusion_optimizer::{Optimizer, OptimizerContext, OptimizerRule};

use super::overflow;
use crate::functions::CLOCK_FUNCTIONS;

/// The rules. Left out are those that duplicate stateful operators (SingleDistinctToGroupBy), take sources out of the
/// graph (PropagateEmptyRelation), or spoil Top-N (PushDownLimit).
pub(crate) fn stream_rules() -> Vec<Arc<dyn OptimizerRule + Send + Sync>> {
    vec![
        Arc::new(SimplifyExpressions::new()),
        Arc::new(ReplaceDistinctWithAggregate::new()),
        Arc::new(DecorrelatePredicateSubquery::new()),
        Arc::new(ScalarSubqueryToJoin::new()),
        Arc::new(DecorrelateLateralJoin::new()),
        Arc::new(ExtractEquijoinPredicate::new()),
        Arc::new(EliminateDuplicatedExpr::new()),
        Arc::new(EliminateFilter::new()),
        Arc::new(EliminateCrossJoin::new()),
        Arc::new(EliminateOuterJoin::new()),
        Arc::new(PushDownFilter::new()),
        Arc::new(SimplifyExpressions::new()),
        Arc::new(CommonSubexprEliminate::new()),
        Arc::new(OptimizeProjections::new()),
    ]
}

/// DataFusion's options, as both the planner and the batch engine use them.
pub(crate) fn config() -> ConfigOptions {
    let mut config = ConfigOptions::default();
    config.sql_parser.parse_float_as_decimal = true;
    config.sql_parser.enable_ident_normalization = false;
    config.sql_parser.map_string_types_to_utf8view = false;
    config.sql_parser.collect_spans = true;
    config.execution.time_zone = Some("UTC".to_owned());
    config
}

static CONFIG: LazyLock<Arc<ConfigOptions>> = LazyLock::new(|| Arc::new(config()));

static OPTIMIZER: LazyLock<Optimizer> = LazyLock::new(|| Optimizer::with_rules(stream_rules()));

static BATCH_OPTIMIZER: LazyLock<Optimizer> = LazyLock::new(Optimizer::new);

/// Coerces types and optimises. `now()` is not folded: processing time is read once an epoch, not once a query.
pub(crate) fn optimize(plan: LogicalPlan) -> Result<LogicalPlan> {
    let analyzed = analyze(plan)?;
    let context = OptimizerContext::new_with_config_options(Arc::clone(&CONFIG))
        .without_query_execution_start_time();
    OPTIMIZER.optimize(analyzed, &context, |_, _| {})
}

/// What DataFusion's own rules make of a plan over rows that are there, with the time of the query that they read.
pub(crate) fn optimize_batch(plan: LogicalPlan) -> Result<(LogicalPlan, ExecutionProps)> {
    let analyzed = analyze(plan)?;
    let mut props = ExecutionProps::new();
    props.mark_start_execution(Arc::clone(&CONFIG));
    let mut context = OptimizerContext::new_with_config_options(Arc::clone(&CONFIG));
    if let Some(now) = props.query_execution_start_time {
        context = context.with_query_execution_start_time(now);
    }
    Ok((
        BATCH_OPTIMIZER.optimize(analyzed, &context, |_, _| {})?,
        props,
    ))
}

/// Computes what does not depend on rows; `now()` is `now`, microseconds since the epoch.
pub(crate) fn evaluate(plan: LogicalPlan, now: i64) -> Result<LogicalPlan> {
    let analyzed = analyze(plan)?;
    let now = chrono::DateTime::from_timestamp_micros(now).unwrap_or_default();
    let context = OptimizerContext::new_with_config_options(Arc::clone(&CONFIG))
        .with_query_execution_start_time(now);
    let simplify: Vec<Arc<dyn OptimizerRule + Send + Sync>> =
        vec![Arc::new(SimplifyExpressions::new())];
    Optimizer::with_rules(simplify).optimize(analyzed, &context, |_, _| {})
}

/// Coerces types only, and refuses constants that do not fit theirs.
pub(crate) fn analyze(plan: LogicalPlan) -> Result<LogicalPlan> {
    let analyzed = Analyzer::new().execute_and_check(plan, &CONFIG, |_, _| {})?;
    overflow::check(&analyzed)?;
    Ok(analyzed)
}

/// The first function in the plan whose result would differ when an epoch is run again, and so has no place in a
/// pipeline. Functions of the present time are not among them: the epoch records its processing time.
pub(crate) fn unrepeatable(plan: &LogicalPlan) -> Option<String> {
    let mut found = None;
    let visited = plan.apply_with_subqueries(|node| {
        node.apply_expressions(|expr| {
            expr.apply(|e| {
                if let Expr::ScalarFunction(f) = e
                    && f.func.signature().volatility == Volatility::Volatile
                    && !CLOCK_FUNCTIONS.contains(&f.name())
                {
                    found = Some(f.name().to_owned());
                    return Ok(TreeNodeRecursion::Stop);
                }
                Ok(TreeNodeRecursion::Continue)
            })
        })
    });
    visited.ok().and(found)
}
