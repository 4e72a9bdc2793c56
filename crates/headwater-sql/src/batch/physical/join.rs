//! Joins: by hash where there are equal keys, else by nested loops.

use std::sync::Arc;

use arrow::datatypes::Schema;
use datafusion_common::{DFSchema, JoinType, Result};
use datafusion_expr::Expr;
use datafusion_expr::logical_plan::Join;
use datafusion_physical_plan::ExecutionPlan;
use datafusion_physical_plan::joins::utils::{JoinFilter, JoinOn};
use datafusion_physical_plan::joins::{
    CrossJoinExec, HashJoinExec, NestedLoopJoinExec, PartitionMode,
};

use super::expression::Expressions;

pub(super) fn operator(
    node: &Join,
    [left, right]: [Arc<dyn ExecutionPlan>; 2],
    expressions: &Expressions<'_>,
) -> Result<Arc<dyn ExecutionPlan>> {
    let keys = node.on.iter().map(|(l, r)| {
        let l = expressions.one(l, node.left.schema())?;
        Ok((l, expressions.one(r, node.right.schema())?))
    });
    let keys = keys.collect::<Result<JoinOn>>()?;
    let filter = node.filter.as_ref();
    let filter = filter
        .map(|f| self::filter(f, node, [&left, &right], expressions))
        .transpose()?;
    if !keys.is_empty() {
        return Ok(Arc::new(HashJoinExec::try_new(
            left,
            right,
            keys,
            filter,
            &node.join_type,
            None,
            PartitionMode::CollectLeft,
            node.null_equality,
            node.null_aware,
        )?));
    }
    if filter.is_none() && node.join_type == JoinType::Inner {
        return Ok(Arc::new(CrossJoinExec::new(left, right)));
    }
    let loops = NestedLoopJoinExec::try_new(left, right, filter, &node.join_type, None)?;
    Ok(Arc::new(loops))
}

/// A condition over the columns of both sides that it reads, the left ones first.
fn filter(
    condition: &Expr,
    node: &Join,
    inputs: [&Arc<dyn ExecutionPlan>; 2],
    expressions: &Expressions<'_>,
) -> Result<JoinFilter> {
    let columns = condition.column_refs();
    let mut read = [Vec::new(), Vec::new()];
    let mut logical = Vec::new();
    let mut physical = Vec::new();
    let sides = [node.left.schema(), node.right.schema()];
    for ((schema, input), read) in sides.into_iter().zip(inputs).zip(&mut read) {
        let indices = columns.iter();
        read.extend(indices.filter_map(|c| schema.index_of_column(c).ok()));
        read.sort_unstable();
        for index in read.iter() {
            let (qualifier, field) = schema.qualified_field(*index);
            logical.push((qualifier.cloned(), Arc::clone(field)));
            physical.push(input.schema().field(*index).clone());
        }
    }
    let schema = DFSchema::new_with_metadata(logical, Default::default())?;
    let condition = expressions.one(condition, &schema)?;
    let [left, right] = read;
    let indices = JoinFilter::build_column_indices(left, right);
    Ok(JoinFilter::new(
        condition,
        indices,
        Arc::new(Schema::new(physical)),
    ))
}
