//! UNNEST: an operator without state on the feeds of its input.

use std::sync::Arc;

use arrow::datatypes::DataType;
use datafusion_common::Result as PlanResult;
use datafusion_expr::logical_plan::Unnest as UnnestPlan;

use super::build::Builder;
use super::expr::{column, numbered, unsupported};
use super::relation::Relation;
use crate::operator::Unnest;
use crate::plan::ExplainNode;
use crate::plan::explain::readable;

impl Builder<'_> {
    pub(super) fn unnest(&mut self, node: &UnnestPlan) -> PlanResult<Relation> {
        let mut relation = self.relation(&node.input)?.flush(&mut self.calcs)?;
        let in_place = node.dependency_indices.iter().copied();
        let is_plain = node.struct_type_columns.is_empty()
            && node.list_type_columns.iter().all(|(_, l)| l.depth == 1)
            && in_place.eq(0..relation.base.fields().len());
        if !is_plain {
            return Err(unsupported("UNNEST of nested lists"));
        }
        let lists: Vec<usize> = node.list_type_columns.iter().map(|(i, _)| *i).collect();
        let mut types = Vec::new();
        for (i, field) in relation.base.fields().iter().enumerate() {
            types.push(match (lists.contains(&i), field.data_type()) {
                (false, data_type) => (data_type.clone(), field.is_nullable()),
                (true, DataType::List(element)) => (element.data_type().clone(), true),
                (true, _) => return Err(unsupported("UNNEST of what is no ARRAY or MAP")),
            });
        }
        let base = numbered(types);
        let names = lists.iter().map(|i| relation.names[*i].clone());
        let mut explained =
            ExplainNode::new("Unnest").with("of", names.collect::<Vec<_>>().join(", "));
        let unnest = Unnest::new(lists, node.options.null_handling, Arc::clone(&base));
        let unnest = self.calcs.measured(Arc::new(unnest), &mut explained);
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&unnest));
        }
        relation.facts.explain(explained);
        relation.facts.key = None;
        let fields = node.schema.fields().iter();
        relation.names = fields.map(|f| readable(f.name())).collect();
        relation.exprs = (0..base.fields().len()).map(column).collect();
        relation.base = base;
        Ok(relation.renamed(Arc::clone(&node.schema)))
    }
}
