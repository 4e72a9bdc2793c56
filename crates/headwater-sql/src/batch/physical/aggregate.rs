//! GROUP BY.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion_common::{DFSchema, Result, ScalarValue};
use datafusion_expr::expr::physical_name;
use datafusion_expr::logical_plan::Aggregate;
use datafusion_expr::{Expr, GroupingSet};
use datafusion_physical_expr::PhysicalExpr;
use datafusion_physical_expr::aggregate::LoweredAggregateBuilder;
use datafusion_physical_expr::expressions::Literal;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::aggregates::{AggregateExec, AggregateMode, PhysicalGroupBy};

use super::expression::Expressions;
use super::order;

pub(super) fn operator(
    node: &Aggregate,
    input: Arc<dyn ExecutionPlan>,
    expressions: &Expressions<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let logical = node.input.schema();
    let physical = input.schema();
    let groups = groups(&node.group_expr, logical, &physical, expressions)?;
    let mut calls = Vec::with_capacity(node.aggr_expr.len());
    let mut filters = Vec::with_capacity(node.aggr_expr.len());
    for expr in &node.aggr_expr {
        let (props, context) = (expressions.props, expressions.context);
        let call = LoweredAggregateBuilder::new(expr, logical, &physical, props, context);
        let call = call.build()?;
        calls.push(call.aggregate);
        filters.push(call.filter);
    }
    let aggregate = |mode, groups: PhysicalGroupBy, calls, filters, input| {
        AggregateExec::try_new(mode, groups, calls, filters, input, Arc::clone(&physical))
    };
    if !groups.has_grouping_set() {
        let single = aggregate(AggregateMode::Single, groups, calls, filters, input)?;
        return Ok(Arc::new(single));
    }
    // Rows are copied for each set on the way into the first, so that the second groups by the number of the set too.
    let partial = aggregate(
        AggregateMode::Partial,
        groups,
        calls,
        filters.clone(),
        input,
    )?;
    let partial = Arc::new(partial);
    let groups = partial.group_expr().as_final();
    let calls = partial.aggr_expr().to_vec();
    let input = order::provide(partial)?;
    let done = aggregate(AggregateMode::Final, groups, calls, filters, input)?;
    Ok(Arc::new(done))
}

fn groups(
    exprs: &[Expr],
    logical: &DFSchema,
    physical: &Schema,
    expressions: &Expressions<'_>,
) -> Result<PhysicalGroupBy> {
    let [Expr::GroupingSet(set)] = exprs else {
        let named = exprs.iter().map(|e| named(e, logical, expressions));
        return Ok(PhysicalGroupBy::new_single(named.collect::<Result<_>>()?));
    };
    let sets = sets(set);
    let mut distinct: Vec<&Expr> = Vec::new();
    for expr in sets.iter().flatten() {
        if !distinct.contains(&expr) {
            distinct.push(expr);
        }
    }
    let mut values = Vec::with_capacity(distinct.len());
    let mut nulls = Vec::with_capacity(distinct.len());
    for expr in &distinct {
        let (value, name) = named(expr, logical, expressions)?;
        let null = ScalarValue::try_from(&value.data_type(physical)?)?;
        nulls.push((Arc::new(Literal::new(null)) as _, name.clone()));
        values.push((value, name));
    }
    let missing = sets.iter().map(|set| {
        let missing = distinct.iter().map(|expr| !set.contains(expr));
        missing.collect()
    });
    Ok(PhysicalGroupBy::new(values, nulls, missing.collect(), true))
}

fn named(
    expr: &Expr,
    schema: &DFSchema,
    expressions: &Expressions<'_>,
) -> Result<(Arc<dyn PhysicalExpr>, String)> {
    Ok((expressions.one(expr, schema)?, physical_name(expr)?))
}

/// The sets that CUBE and ROLLUP stand for; the first has every expression, which gives them their order.
fn sets(set: &GroupingSet) -> Vec<Vec<Expr>> {
    match set {
        GroupingSet::GroupingSets(sets) => sets.clone(),
        GroupingSet::Rollup(exprs) => {
            let lengths = (0..=exprs.len()).rev();
            lengths.map(|n| exprs[..n].to_vec()).collect()
        }
        GroupingSet::Cube(exprs) => {
            let subsets = 0..1_usize << exprs.len();
            subsets
                .map(|without| {
                    let kept = exprs.iter().enumerate();
                    let kept = kept.filter(|(i, _)| without & (1 << i) == 0);
                    kept.map(|(_, e)| e.clone()).collect()
                })
                .collect()
        }
    }
}
