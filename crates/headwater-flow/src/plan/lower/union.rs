//! UNION ALL: the feeds of all branches as those of one relation.

use std::sync::Arc;

use datafusion_common::Result as PlanResult;
use datafusion_expr::Union;

use super::build::Builder;
use super::expr::{column, numbered, unsupported};
use super::relation::{Facts, Relation};
use crate::plan::ExplainNode;

impl Builder<'_> {
    pub(super) fn union(&mut self, union: &Union) -> PlanResult<Relation> {
        let mut branches = Vec::with_capacity(union.inputs.len());
        for input in &union.inputs {
            branches.push(self.relation(input)?.flush(&mut self.calcs)?);
        }
        let types = union
            .schema
            .fields()
            .iter()
            .map(|f| f.data_type().clone())
            .enumerate();
        let nullable = |i: usize| branches.iter().any(|b| b.base.field(i).is_nullable());
        let base = numbered(types.map(|(i, t)| (t, nullable(i))).collect::<Vec<_>>());
        let by_clock = |i: &usize| {
            let mut branches = branches.iter();
            branches.all(|b| b.facts.processing_time.contains(i))
        };
        let mut facts = Facts {
            processing_time: (0..base.fields().len()).filter(by_clock).collect(),
            ..Facts::default()
        };
        let mut feeds = Vec::new();
        let names = match branches.first() {
            Some(first) => first.names.clone(),
            None => Vec::new(),
        };
        // What is processing time in all branches is so in all rows.
        let clocks = branches.iter().map(|b| &b.facts.processing_time);
        let clocks = clocks.cloned().reduce(|a, b| &a & &b);
        facts.processing_time = clocks.unwrap_or_default();
        for branch in branches {
            if branch
                .base
                .fields()
                .iter()
                .zip(base.fields())
                .any(|(a, b)| a.data_type() != b.data_type())
            {
                return Err(unsupported("UNION ALL of different types"));
            }
            let branch = match branch.base == base {
                true => branch,
                false => {
                    let exprs = branch.exprs.clone();
                    branch.compute(&exprs, Arc::clone(&base), &mut self.calcs)?
                }
            };
            feeds.extend(branch.feeds);
            facts.updating = facts.updating.or(branch.facts.updating);
            facts.inputs.extend(branch.facts.inputs);
            facts.lateness = facts.lateness.max(branch.facts.lateness);
            facts.explain.extend(branch.facts.explain);
        }
        facts.explain(ExplainNode::new("Union"));
        let exprs = (0..base.fields().len()).map(column).collect();
        Ok(Relation {
            feeds,
            base,
            names,
            predicate: None,
            exprs,
            schema: Arc::clone(&union.schema),
            facts,
        })
    }
}
