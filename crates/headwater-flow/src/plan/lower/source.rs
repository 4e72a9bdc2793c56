//! Scans: the relation of a table, as its records change it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use datafusion_common::{DFSchema, DFSchemaRef, DataFusionError, Result as PlanResult};
use datafusion_expr::logical_plan::TableScan;
use datafusion_expr::{Expr, LogicalPlan};

use super::build::{Builder, external};
use super::expr::unsupported;
use super::relation::{Facts, Relation};
use super::scan::Scan;
use crate::circuit::{Feed, Port, Producer};
use crate::operator::{Exchange, Operator, Repeat, Stateless, Upsert};
use crate::plan::{Changes, ExplainNode, StreamTable, TableDef};

impl Builder<'_> {
    pub(super) fn scan(&mut self, scan: &TableScan) -> PlanResult<Relation> {
        let table = stream_table(scan)?;
        let input = self.scans.iter().position(|s| s.is_of(table.def()));
        let input = input.ok_or_else(|| unsupported("a table that was not found before"))?;
        let feed = Feed {
            from: Producer::Input(input),
            chain: Vec::new(),
            columns: Vec::new(),
        };
        let (columns, base) = (self.scans[input].columns(), self.scans[input].schema());
        let watermark = table.def().watermark.as_ref();
        let mut facts = Facts {
            inputs: BTreeSet::from([input]),
            processing_time: self.scans[input].processing_time(),
            lateness: watermark.map_or(Duration::ZERO, |w| w.allowed_lateness),
            ..Facts::default()
        };
        facts.explain(explained(table.def(), &columns, input));
        let names = declared_names(table, &columns)?;
        let relation = Relation::new(feed, base, names, facts);
        let relation = match table.def().changes {
            Changes::Append => relation,
            Changes::Upsert if table.def().is_counted() => {
                let rows = self.upsert(relation, table)?;
                repeated(rows)?
            }
            Changes::Upsert => self.upsert(relation, table)?,
            Changes::Weighted => retracting(relation, &table.def().name),
        };
        self.pick(relation, scan, &columns, table)
    }

    /// The columns that the scan asks for; what the first walk found unused is null.
    fn pick(
        &mut self,
        relation: Relation,
        scan: &TableScan,
        columns: &[usize],
        table: &StreamTable,
    ) -> PlanResult<Relation> {
        let all: Vec<usize> = (0..table.def().columns.len()).collect();
        let wanted = scan.projection.as_ref().unwrap_or(&all);
        let mut exprs = Vec::with_capacity(wanted.len());
        for declared in wanted {
            exprs.push(match columns.iter().position(|c| c == declared) {
                Some(at) => relation.exprs[at].clone(),
                None => Expr::Literal(
                    datafusion_common::ScalarValue::try_from(
                        &table.def().columns[*declared].data_type,
                    )?,
                    None,
                ),
            });
        }
        let mut relation = relation;
        relation.facts.key = relation.facts.key.take().and_then(|key| {
            key.iter()
                .map(|k| exprs.iter().position(|e| *e == relation.exprs[*k]))
                .collect()
        });
        relation.exprs = exprs;
        Ok(relation.renamed(Arc::clone(&scan.projected_schema)))
    }

    /// Turns records that replace rows into weighted rows.
    fn upsert(&mut self, relation: Relation, table: &StreamTable) -> PlanResult<Relation> {
        let key = key_columns(&relation.schema, &table.def().primary_key)?;
        let base = Arc::clone(&relation.base);
        let exchange = Exchange::new(&base, key.clone(), self.options.shards).map_err(external)?;
        let name = format!(
            "Upsert: {} by {}",
            table.def().name,
            table.def().primary_key.join(", ")
        );
        let make = || {
            Upsert::new(key.clone(), Arc::clone(&base)).map(|u| Box::new(u) as Box<dyn Operator>)
        };
        let input = relation.facts.inputs.first().copied();
        if let Some(input) = input {
            // Every column is kept as state, so every column of the narrowed input is used.
            for i in 0..base.fields().len() {
                self.calcs.uses[input].add(&super::expr::column(i), &super::expr::column_index)?;
            }
        }
        let key_names = table.def().primary_key.join(", ");
        let mut explained = ExplainNode::new("Upsert")
            .with("key", key_names)
            .with("changes", "a record replaces the row of its key")
            .with("state", "the newest row of each key");
        let feed = self.node(
            name,
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange,
                ordered: false,
            }],
            self.options.shards,
            &mut explained,
            make,
        )?;
        let mut facts = relation.facts;
        facts.updating = Some(format!("the primary key of '{}'", table.def().name));
        facts.key = Some(key);
        facts.explain(explained);
        Ok(Relation::new(feed, base, relation.schema, facts))
    }
}

/// What a table is read from, and which of its columns.
fn explained(def: &TableDef, columns: &[usize], input: usize) -> ExplainNode {
    let names = columns.iter().map(|c| def.columns[*c].name.as_str());
    let names: Vec<&str> = names.collect();
    let place = ["topic", "path"]
        .into_iter()
        .find_map(|o| def.options.get(o));
    let place = place.map(|p| format!(" {p}")).unwrap_or_default();
    let mut node = ExplainNode::new(format!("Scan {}", def.name))
        .with("source", format!("{}{place}", def.connector))
        .with("columns", names.join(", "));
    node.scan = Some(input);
    node
}

/// Adds the tables that a plan scans, each once.
pub(super) fn find_scans(plan: &LogicalPlan, scans: &mut Vec<Scan>) -> PlanResult<()> {
    if let LogicalPlan::TableScan(scan) = plan {
        let def = stream_table(scan)?.def();
        if !scans.iter().any(|s| s.is_of(def)) {
            scans.push(Scan::whole(Arc::clone(def)));
        }
    }
    plan.inputs()
        .into_iter()
        .try_for_each(|input| find_scans(input, scans))
}

fn stream_table(scan: &TableScan) -> PlanResult<&StreamTable> {
    let source: &dyn std::any::Any = scan.source.as_ref();
    source
        .downcast_ref::<StreamTable>()
        .ok_or_else(|| unsupported(&format!("table '{}'", scan.table_name)))
}

fn declared_names(table: &StreamTable, columns: &[usize]) -> PlanResult<DFSchemaRef> {
    let fields = columns.iter().map(|i| {
        let column = &table.def().columns[*i];
        (
            None,
            Arc::new(arrow::datatypes::Field::new(
                &column.name,
                column.data_type.clone(),
                column.nullable,
            )),
        )
    });
    Ok(Arc::new(DFSchema::new_with_metadata(
        fields.collect(),
        Default::default(),
    )?))
}

fn key_columns(schema: &DFSchema, names: &[String]) -> PlanResult<Vec<usize>> {
    let find = |name: &String| schema.fields().iter().position(|f| f.name() == name);
    let key: Option<Vec<usize>> = names.iter().map(find).collect();
    key.ok_or_else(|| DataFusionError::Plan("a primary key column is not in the table".to_owned()))
}

/// Rows of a table whose records say how often they are there, as often as that.
fn repeated(relation: Relation) -> PlanResult<Relation> {
    let columns: Vec<usize> = (0..relation.base.fields().len() - 1).collect();
    let base = Arc::new(relation.base.project(&columns)?);
    let repeat: Arc<dyn Stateless> = Arc::new(Repeat::new(Arc::clone(&base)));
    let mut feeds = relation.feeds;
    for feed in &mut feeds {
        feed.chain.push(Arc::clone(&repeat));
    }
    let fields = relation.schema.iter().take(columns.len());
    let fields = fields.map(|(qualifier, field)| (qualifier.cloned(), Arc::clone(field)));
    let names = DFSchema::new_with_metadata(fields.collect(), Default::default())?;
    let mut facts = relation.facts;
    facts.key = None;
    facts.explain(ExplainNode::new("Repeat").with("rows", "as often as they are counted"));
    Ok(Relation {
        feeds,
        names: relation.names.into_iter().take(columns.len()).collect(),
        base,
        predicate: None,
        exprs: columns.into_iter().map(super::expr::column).collect(),
        schema: Arc::new(names),
        facts,
    })
}

fn retracting(mut relation: Relation, table: &str) -> Relation {
    relation.facts.updating = Some(format!("the changelog '{table}'"));
    relation
}
