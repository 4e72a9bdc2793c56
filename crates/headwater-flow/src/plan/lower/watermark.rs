//! `CURRENT_WATERMARK(ts)`: a column beside the rows of a source, since each row has a watermark of its own.

use std::sync::Arc;

use arrow::datatypes::{DataType, Field, Schema, TimeUnit};
use datafusion_common::tree_node::{Transformed, TreeNode, TreeNodeRecursion};
use datafusion_common::{DFSchema, DataFusionError, Result};
use datafusion_expr::{Expr, ExprSchemable, cast};

use super::build::Builder;
use super::expr::{base_column, column_name, unsupported};
use super::relation::Relation;
use crate::circuit::Producer;
use crate::operator::CurrentWatermark;
use crate::plan::ExplainNode;

/// The function's name.
const NAME: &str = "current_watermark";

/// Whether an expression asks for the watermark.
pub(super) fn asks(expr: &Expr) -> Result<bool> {
    expr.exists(|e| Ok(matches!(e, Expr::ScalarFunction(f) if f.name() == NAME)))
}

impl Builder<'_> {
    /// If `exprs` ask for the watermark of the rows of `relation`: the relation with a column of it, and the
    /// expressions reading that. Else both as they are.
    pub(super) fn with_watermark(
        &mut self,
        relation: Relation,
        exprs: &[Expr],
    ) -> Result<(Relation, Vec<Expr>)> {
        let mut any = false;
        for expr in exprs {
            any |= asks(expr)?;
        }
        if !any {
            return Ok((relation, exprs.to_vec()));
        }
        let of_node = |f: &crate::circuit::Feed| matches!(f.from, Producer::Node(_));
        if relation.feeds.iter().any(of_node) {
            return Err(unsupported(
                "CURRENT_WATERMARK of other rows than those of a table",
            ));
        }
        let relation = relation.flush(&mut self.calcs)?;
        self.need_time(&relation.facts, false)?;
        exprs
            .iter()
            .try_for_each(|e| self.check_times(&relation, e))?;
        let relation = self.mark(relation)?;
        let mark = base_column(relation.base.fields().len() - 1);
        let exprs = exprs.iter().map(|e| reading(e, &relation, &mark));
        let exprs = exprs.collect::<Result<Vec<_>>>()?;
        Ok((relation, exprs))
    }

    /// The arguments are event-time columns.
    fn check_times(&self, relation: &Relation, expr: &Expr) -> Result<()> {
        expr.apply(|e| {
            if let Expr::ScalarFunction(f) = e
                && f.name() == NAME
            {
                let time = f.args.first().map(|a| relation.over_base(a)).transpose()?;
                let name = time.as_ref().map(|t| relation.shown(t)).unwrap_or_default();
                let mut inputs = relation.facts.inputs.iter();
                let is_it = inputs.any(|i| {
                    let watermark = self.scans[*i].def.watermark.as_ref();
                    watermark.is_some_and(|w| w.column == name)
                });
                if !is_it {
                    return Err(DataFusionError::Plan(format!(
                        "CURRENT_WATERMARK takes the event-time column of a table, not '{name}'"
                    )));
                }
            }
            Ok(TreeNodeRecursion::Continue)
        })
        .map(drop)
    }

    /// The relation with the watermark as its last column.
    fn mark(&mut self, mut relation: Relation) -> Result<Relation> {
        let exprs = relation.exprs.clone();
        self.calcs.note(&relation, &exprs)?;
        let mark = DataType::Timestamp(TimeUnit::Microsecond, None);
        let width = relation.base.fields().len();
        let fields = relation.base.fields().iter().cloned();
        let added = Arc::new(Field::new(column_name(width), mark, true));
        let base = Schema::new(fields.chain([added]).collect::<Vec<_>>());
        relation.base = Arc::new(base);
        relation.names.push("watermark".to_owned());
        let mut node = ExplainNode::new("CurrentWatermark");
        let operator = CurrentWatermark::new(Arc::clone(&relation.base));
        let operator = self.calcs.measured(Arc::new(operator), &mut node);
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&operator));
        }
        relation.facts.explain(node);
        Ok(relation)
    }
}

/// `expr` with the watermark read from the column `mark` of the base.
fn reading(expr: &Expr, relation: &Relation, mark: &Expr) -> Result<Expr> {
    let read = expr.clone().transform_down(|e| {
        let Expr::ScalarFunction(f) = &e else {
            return Ok(Transformed::no(e));
        };
        if f.name() != NAME {
            return Ok(Transformed::no(e));
        }
        let schema: &DFSchema = &relation.schema;
        let data_type = e.get_type(schema)?;
        let read = cast(mark.clone(), data_type);
        Ok(Transformed::new(read, true, TreeNodeRecursion::Jump))
    })?;
    Ok(read.data)
}
