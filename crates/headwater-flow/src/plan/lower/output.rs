//! The outputs of a pipeline: their columns, the content of views, and what all of it together is.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use datafusion_common::Result as PlanResult;

use super::build::{Builder, external};
use super::reasons::Reasons;
use super::relation::Relation;
use super::spec::{Lowered, OutputInfo, OutputPlan, PlanOptions};
use super::window::micros;
use crate::circuit::{Circuit, Port};
use crate::operator::{Exchange, Operator, Require, View};
use crate::plan::node::duration;
use crate::plan::{ColumnDef, Explain, ExplainNode, shown};

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
            return Ok(self.required(relation, &named, output));
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
        let keys = key.iter().map(|k| named.field(*k).name().as_str());
        let keys: Vec<&str> = keys.collect();
        let mut explained = ExplainNode::new("View").with("key", keys.join(", ")).with(
            "state",
            if counts {
                "the rows of the view, and how often each is there"
            } else {
                "the rows of the view"
            },
        );
        let make = || {
            let view = View::new(key.clone(), Arc::clone(&named), counts)?;
            Ok(Box::new(view) as Box<dyn Operator>)
        };
        let feed = self.node(
            name,
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange: exchange.map_err(external)?,
                ordered: false,
            }],
            self.options.shards,
            &mut explained,
            make,
        )?;
        relation.facts.explain(explained);
        if counts {
            relation.base = counted(&named);
            relation.facts.key = None;
        }
        Ok(Relation {
            feeds: vec![feed],
            ..relation
        })
    }

    /// Lets only rows pass that have a value where they must.
    fn required(
        &self,
        mut relation: Relation,
        schema: &SchemaRef,
        output: &OutputPlan,
    ) -> Relation {
        let columns = output.required.iter().copied();
        let columns: Vec<usize> = columns.filter(|c| schema.field(*c).is_nullable()).collect();
        if columns.is_empty() {
            return relation;
        }
        let names = columns.iter().map(|c| schema.field(*c).name().as_str());
        let names: Vec<&str> = names.collect();
        let mut explained = ExplainNode::new("Require").with("not null", names.join(", "));
        let require = Arc::new(Require::new(columns, &output.name));
        let require = self.calcs.measured(require, &mut explained);
        for feed in &mut relation.feeds {
            feed.chain.push(Arc::clone(&require));
        }
        relation.facts.explain(explained);
        relation
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
                fails: plan.fails,
                reasons: Reasons::default(),
            });
        let outputs: Vec<OutputInfo> = outputs.collect();
        let explain = plans.iter().zip(&self.outputs);
        let explain = explain.map(|(plan, relation)| {
            let mut facts = relation.facts.clone();
            facts.explain.iter_mut().for_each(|n| self.explain_time(n));
            facts.explain(explained(plan, relation));
            facts.explain
        });
        let explain: Vec<ExplainNode> = explain.flatten().collect();
        let digest = digest(
            plans,
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
            explain: Explain(explain),
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

/// What an output gives.
fn explained(plan: &OutputPlan, relation: &Relation) -> ExplainNode {
    let changes = match &relation.facts.updating {
        Some(operator) => format!("+I -U +U -D, because {operator} changes rows"),
        None => "+I, new rows only".to_owned(),
    };
    let key = relation.facts.key.iter().flatten();
    let key = key.map(|k| relation.base.field(*k).name().as_str());
    let key: Vec<&str> = key.collect();
    ExplainNode::new(format!("Output {}", plan.name))
        .with("changes", changes)
        .with("key", key.join(", "))
}

impl Builder<'_> {
    /// Says of scans what is known at the end only: whether their event time is used.
    fn explain_time(&self, node: &mut ExplainNode) {
        node.inputs.iter_mut().for_each(|n| self.explain_time(n));
        let Some(scan) = node.scan else { return };
        let Some(watermark) = &self.scans[scan].def.watermark else {
            return;
        };
        if self.timed {
            node.details.push(("watermark", shown(&watermark.expr)));
        }
        if self.judged.contains(&scan) && !watermark.allowed_lateness.is_zero() {
            let lateness = duration(micros(watermark.allowed_lateness));
            node.details.push(("lateness", lateness));
        }
    }
}

/// FNV-1a over what makes state belong to a plan.
fn digest(plans: &[OutputPlan], tables: &[&Arc<crate::plan::TableDef>], shards: usize) -> String {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    let mut add = |text: &str| {
        for byte in text.bytes().chain([0]) {
            hash = (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
    };
    for plan in plans {
        add(&plan.name);
        add(&format!("{:?} {}", plan.emit, plan.view));
        add(&plan.plan.display_indent().to_string());
    }
    for table in tables {
        add(&format!("{table:?}"));
    }
    add(&shards.to_string());
    format!("{hash:016x}")
}
