//! One operator for each node of a plan.

use std::sync::Arc;

use datafusion_common::{Result, internal_err, not_impl_err};
use datafusion_expr::expr::physical_name;
use datafusion_expr::logical_plan::{FetchType, Limit, Projection, SkipType, Sort, Unnest};
use datafusion_expr::{Expr, Filter, LogicalPlan};
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::coalesce_partitions::CoalescePartitionsExec;
use datafusion_physical_plan::empty::EmptyExec;
use datafusion_physical_plan::filter::FilterExec;
use datafusion_physical_plan::limit::GlobalLimitExec;
use datafusion_physical_plan::placeholder_row::PlaceholderRowExec;
use datafusion_physical_plan::projection::{ProjectionExec, ProjectionExpr};
use datafusion_physical_plan::sorts::sort::SortExec;
use datafusion_physical_plan::union::UnionExec;
use datafusion_physical_plan::unnest::{ListUnnest, UnnestExec};

use super::expression::Expressions;
use super::{aggregate, join, order, rows, window};

type Operator = Arc<dyn ExecutionPlan>;

/// The operator of a node, with those of its inputs below it. It gives one partition.
pub(super) fn operator(node: &LogicalPlan, expressions: &Expressions<'_>) -> Result<Operator> {
    let inputs = node.inputs().into_iter();
    let inputs = inputs
        .map(|input| operator(input, expressions))
        .collect::<Result<Vec<_>>>()?;
    order::provide(over(node, inputs, expressions)?)
}

fn over(
    node: &LogicalPlan,
    inputs: Vec<Operator>,
    expressions: &Expressions<'_>,
) -> Result<Operator> {
    match node {
        LogicalPlan::TableScan(scan) => rows::scan(scan),
        LogicalPlan::Values(values) => rows::values(values, expressions),
        LogicalPlan::EmptyRelation(empty) => {
            let schema = Arc::clone(empty.schema.inner());
            Ok(match empty.produce_one_row {
                true => Arc::new(PlaceholderRowExec::new(schema)),
                false => Arc::new(EmptyExec::new(schema)),
            })
        }
        LogicalPlan::SubqueryAlias(_) => one(inputs),
        LogicalPlan::Projection(node) => projection(node, one(inputs)?, expressions),
        LogicalPlan::Filter(node) => filter(node, one(inputs)?, expressions),
        LogicalPlan::Sort(node) => sort(node, one(inputs)?, expressions),
        LogicalPlan::Limit(node) => limit(node, one(inputs)?),
        LogicalPlan::Unnest(node) => unnest(node, one(inputs)?),
        LogicalPlan::Aggregate(node) => aggregate::operator(node, one(inputs)?, expressions),
        LogicalPlan::Window(node) => window::operator(node, one(inputs)?, expressions),
        LogicalPlan::Join(node) => join::operator(node, exactly(inputs)?, expressions),
        LogicalPlan::Union(_) => Ok(Arc::new(CoalescePartitionsExec::new(UnionExec::try_new(
            inputs,
        )?))),
        LogicalPlan::Subquery(_) => not_impl_err!(
            "a subquery that depends on the outer row in this way; a join can say the same"
        ),
        other => not_impl_err!("{} in a query", other.display()),
    }
}

fn one(inputs: Vec<Operator>) -> Result<Operator> {
    let [input] = exactly(inputs)?;
    Ok(input)
}

fn exactly<const N: usize>(inputs: Vec<Operator>) -> Result<[Operator; N]> {
    match inputs.try_into() {
        Ok(inputs) => Ok(inputs),
        Err(inputs) => internal_err!("a node with {} inputs, not {N}", inputs.len()),
    }
}

fn projection(
    node: &Projection,
    input: Operator,
    expressions: &Expressions<'_>,
) -> Result<Operator> {
    let schema = node.input.schema();
    let columns = node.expr.iter().map(|expr| {
        // A column that is computed below has a name there that no qualifier may be added to.
        let alias = match expr {
            Expr::Column(column) => match schema.index_of_column(column) {
                Ok(index) => input.schema().field(index).name().clone(),
                Err(_) => physical_name(expr)?,
            },
            _ => physical_name(expr)?,
        };
        let expr = expressions.one(expr, schema)?;
        Ok(ProjectionExpr { expr, alias })
    });
    let columns = columns.collect::<Result<Vec<_>>>()?;
    Ok(Arc::new(ProjectionExec::try_new_with_schema_metadata(
        columns,
        input,
        node.schema.as_arrow(),
    )?))
}

fn filter(node: &Filter, input: Operator, expressions: &Expressions<'_>) -> Result<Operator> {
    let predicate = expressions.one(&node.predicate, node.input.schema())?;
    Ok(Arc::new(FilterExec::try_new(predicate, input)?))
}

fn sort(node: &Sort, input: Operator, expressions: &Expressions<'_>) -> Result<Operator> {
    let by = expressions.order(&node.expr, node.input.schema())?;
    Ok(Arc::new(SortExec::new(by, input).with_fetch(node.fetch)))
}

fn limit(node: &Limit, input: Operator) -> Result<Operator> {
    let (SkipType::Literal(skip), FetchType::Literal(fetch)) =
        (node.get_skip_type()?, node.get_fetch_type()?)
    else {
        return not_impl_err!("LIMIT and OFFSET that are not whole numbers");
    };
    Ok(Arc::new(GlobalLimitExec::new(input, skip, fetch)))
}

fn unnest(node: &Unnest, input: Operator) -> Result<Operator> {
    let lists = node.list_type_columns.iter();
    let lists = lists.map(|(index, list)| ListUnnest {
        index_in_input_schema: *index,
        depth: list.depth,
    });
    Ok(Arc::new(UnnestExec::new(
        input,
        lists.collect(),
        node.struct_type_columns.clone(),
        Arc::clone(node.schema.inner()),
        node.options.clone(),
    )?))
}
