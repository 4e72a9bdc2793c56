//! The outputs of a pipeline: their columns, the content of views, and what all of it together is.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::Result as PlanResult;

use super::build::{Builder, external};
use super::relation::Relation;
use super::spec::{Lowered, OutputInfo, OutputPlan, PlanOptions};
use crate::circuit::{Circuit, Port};
use crate::operator::{Exchange, Operator, View};
use crate::plan::ColumnDef;

impl Builder<'_> {
    /// Gives the columns of an output their names; a view keeps its rows.
    pub(super) fn output(
        &mut self,
        relation: Relation,
        output: &OutputPlan,
    ) -> PlanResult<Relation> {
        let exprs = relation.exprs.clone();
        let numbered = relation.output(&exprs)?;
        let fields = output.plan.schema().fields().iter().zip(numbered.fields());
        let fields = fields.map(|(n, t)| Arc::new(t.as_ref().clone().with_name(n.name())));
        let named: SchemaRef = Arc::new(arrow::datatypes::Schema::new(fields.collect::<Vec<_>>()));
        let mut relation = relation.compute(&exprs, Arc::clone(&named), &mut self.calcs)?;
        if !output.view {
            return Ok(relation);
        }
        let key = relation.facts.key.clone().unwrap_or_default();
        let counts = relation.facts.updating.is_some() && key.is_empty() && !output.has_key;
        let all = (0..named.fields().len()).collect();
        let exchange = Exchange::new(
            &named,
            if key.is_empty() { all } else { key.clone() },
            self.options.shards,
        );
        let name = format!("View: {}", output.name);
        relation.facts.explain(name.clone());
        let make = || {
            let view = View::new(key.clone(), Arc::clone(&named), counts)?;
            Ok(Box::new(view) as Box<dyn Operator>)
        };
        let feed = self.node(
            name,
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange: exchange.map_err(external)?,
            }],
            self.options.shards,
            make,
        )?;
        if counts {
            relation.base = counted(&named);
            relation.facts.key = None;
        }
        Ok(Relation {
            feeds: vec![feed],
            ..relation
        })
    }

    pub(super) fn finish(self, plans: &[OutputPlan], options: &PlanOptions) -> PlanResult<Lowered> {
        let scans = self.scans.iter().enumerate();
        let inputs =
            scans.map(|(i, s)| s.build(self.timed, self.judged.contains(&i), self.calcs.clock));
        let inputs = inputs.collect::<PlanResult<Vec<_>>>()?;
        let outputs = plans
            .iter()
            .zip(&self.outputs)
            .map(|(plan, relation)| OutputInfo {
                name: plan.name.clone(),
                schema: Arc::clone(&relation.base),
                updating: relation.facts.updating.clone(),
                key: relation.facts.key.clone(),
            });
        let outputs: Vec<OutputInfo> = outputs.collect();
        let explain = plans.iter().zip(&self.outputs).map(|(plan, relation)| {
            format!(
                "Output: {}\n  {}\n",
                plan.name,
                relation.facts.explain.join("\n  ")
            )
        });
        let explain: String = explain.collect();
        let digest = digest(
            plans,
            &explain,
            &inputs.iter().map(|i| &i.def).collect::<Vec<_>>(),
            options.shards,
        );
        let feeds = self.outputs.into_iter().map(|r| r.feeds).collect();
        let circuit = Circuit::new(
            inputs.len(),
            self.nodes,
            feeds,
            options.pool.clone(),
            self.calcs.clock.clone(),
        );
        Ok(Lowered {
            inputs,
            circuit,
            outputs,
            digest,
            explain,
        })
    }
}

/// The columns of a view whose rows are counted.
fn counted(schema: &SchemaRef) -> SchemaRef {
    let count = ColumnDef::count();
    let count = Arc::new(Field::new(count.name, count.data_type, count.nullable));
    let fields = schema.fields().iter().cloned().chain([count]);
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// FNV-1a over what makes state belong to a plan.
fn digest(
    plans: &[OutputPlan],
    explain: &str,
    tables: &[&Arc<crate::plan::TableDef>],
    shards: usize,
) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for plan in plans {
        add(&plan.name);
        add(&format!("{:?} {}", plan.emit, plan.view));
    }
    add(explain);
    for table in tables {
        add(&format!("{table:?}"));
    }
    add(&shards.to_string());
    format!("{hash:016x}")
}
