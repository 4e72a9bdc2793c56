//! The walk over plans: one relation a node, from the scans up.

use std::collections::BTreeSet;
use std::sync::Arc;

use arrow::datatypes::SchemaRef;
use datafusion_common::{DFSchema, DFSchemaRef, DataFusionError, Result as PlanResult};
use datafusion_expr::logical_plan::{SubqueryAlias, TableScan};
use datafusion_expr::{Expr, Extension, LogicalPlan, Projection, Union};

use super::expr::unsupported;
use super::relation::{Calcs, Facts, Relation};
use super::scan::Scan;
use super::spec::{Emit, Lowered, OutputInfo, OutputPlan, PlanOptions};
use super::usage::Uses;
use crate::circuit::{Circuit, EpochClock, Feed, KeyedNode, Port, Producer};
use crate::error::Result;
use crate::operator::{Exchange, Operator, Upsert, View};
use crate::plan::{Changes, StreamTable, WindowNode};

/// Lowers the outputs of one pipeline into one circuit; tables that several of them scan are read once.
///
/// # Errors
/// `Unsupported` for constructs that continuous queries do not have yet, naming them; `Invalid` for plans that
/// make no sense.
pub fn lower(plans: &[OutputPlan], options: &PlanOptions) -> Result<Lowered> {
    let clock = EpochClock::default();
    let mut scans = Vec::new();
    for output in plans {
        find_scans(&output.plan, &mut scans)?;
    }
    let first = Builder::run(plans, options, &clock, scans)?;
    let narrowed = first.scans.iter().zip(&first.calcs.uses);
    let narrowed = narrowed
        .map(|(s, used)| s.narrowed(used, first.timed))
        .collect::<PlanResult<Vec<_>>>()?;
    let second = Builder::run(plans, options, &clock, narrowed)?;
    Ok(second.finish(plans, options)?)
}

/// One walk over all plans.
pub(super) struct Builder<'a> {
    pub(super) options: &'a PlanOptions,
    pub(super) calcs: Calcs<'a>,
    pub(super) scans: Vec<Scan>,
    pub(super) nodes: Vec<KeyedNode>,
    outputs: Vec<Relation>,
    /// When the present output's windows emit.
    pub(super) emit: Emit,
    /// Whether anything needs watermarks.
    pub(super) timed: bool,
    /// The inputs whose rows are judged late.
    pub(super) judged: BTreeSet<usize>,
}

impl<'a> Builder<'a> {
    fn run(
        plans: &[OutputPlan],
        options: &'a PlanOptions,
        clock: &'a EpochClock,
        scans: Vec<Scan>,
    ) -> PlanResult<Self> {
        let uses = scans
            .iter()
            .map(|s| Uses::none(s.columns().len()))
            .collect();
        let mut builder = Self {
            options,
            calcs: Calcs { clock, uses },
            scans,
            nodes: Vec::new(),
            outputs: Vec::new(),
            emit: Emit::OnClose,
            timed: false,
            judged: BTreeSet::new(),
        };
        for output in plans {
            builder.emit = output.emit;
            let relation = builder.relation(&output.plan)?;
            let relation = builder.output(relation, output)?;
            builder.outputs.push(relation);
        }
        Ok(builder)
    }

    /// Gives the columns of an output their names; a view keeps its rows.
    fn output(&mut self, relation: Relation, output: &OutputPlan) -> PlanResult<Relation> {
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
        let all = (0..named.fields().len()).collect();
        let exchange = Exchange::new(
            &named,
            if key.is_empty() { all } else { key.clone() },
            self.options.shards,
        );
        let name = format!("View: {}", output.name);
        relation.facts.explain(name.clone());
        let make =
            || View::new(key.clone(), Arc::clone(&named)).map(|v| Box::new(v) as Box<dyn Operator>);
        let feed = self.node(
            name,
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange: exchange.map_err(external)?,
            }],
            self.options.shards,
            make,
        )?;
        Ok(Relation {
            feeds: vec![feed],
            ..relation
        })
    }

    /// Adds a keyed node.
    pub(super) fn node(
        &mut self,
        name: String,
        ports: Vec<Port>,
        shards: usize,
        make: impl Fn() -> Result<Box<dyn Operator>>,
    ) -> PlanResult<Feed> {
        let shards = (0..shards)
            .map(|_| make())
            .collect::<Result<_>>()
            .map_err(external)?;
        self.nodes.push(KeyedNode {
            name,
            ports,
            shards,
        });
        Ok(Feed {
            from: Producer::Node(self.nodes.len() - 1),
            chain: Vec::new(),
        })
    }

    /// The shards of an operator with these keys: one if all rows belong together.
    pub(super) fn shards(&self, keys: &[usize]) -> usize {
        if keys.is_empty() {
            1
        } else {
            self.options.shards
        }
    }

    pub(super) fn relation(&mut self, plan: &LogicalPlan) -> PlanResult<Relation> {
        match plan {
            LogicalPlan::TableScan(scan) => self.scan(scan),
            LogicalPlan::SubqueryAlias(SubqueryAlias { input, schema, .. }) => {
                Ok(self.relation(input)?.renamed(Arc::clone(schema)))
            }
            LogicalPlan::Projection(Projection {
                expr,
                input,
                schema,
                ..
            }) => self
                .relation(input)?
                .project(expr, Arc::clone(schema), &mut self.calcs),
            LogicalPlan::Filter(filter) => self
                .relation(&filter.input)?
                .filter(&filter.predicate, &mut self.calcs),
            LogicalPlan::Aggregate(aggregate) => self.aggregate(aggregate),
            LogicalPlan::Union(union) => self.union(union),
            LogicalPlan::Extension(Extension { node }) => {
                match node.as_any().downcast_ref::<WindowNode>() {
                    Some(window) => self.window(window),
                    None => Err(unsupported(node.name())),
                }
            }
            LogicalPlan::Join(_) => Err(unsupported("a join")),
            LogicalPlan::Sort(_) => Err(unsupported("ORDER BY")),
            LogicalPlan::Limit(_) => Err(unsupported("LIMIT")),
            LogicalPlan::Window(_) => Err(unsupported("OVER")),
            LogicalPlan::Values(_) | LogicalPlan::EmptyRelation(_) => {
                Err(unsupported("a query without a table"))
            }
            LogicalPlan::Unnest(_) => Err(unsupported("UNNEST")),
            other => Err(unsupported(&format!("{}", other.display()))),
        }
    }

    fn scan(&mut self, scan: &TableScan) -> PlanResult<Relation> {
        let table = stream_table(scan)?;
        let input = self
            .scans
            .iter()
            .position(|s| s.def.name == table.def().name);
        let input = input.ok_or_else(|| unsupported("a table that was not found before"))?;
        let feed = Feed {
            from: Producer::Input(input),
            chain: Vec::new(),
        };
        let (columns, base) = (self.scans[input].columns(), self.scans[input].schema());
        let mut facts = Facts {
            inputs: BTreeSet::from([input]),
            processing_time: self.scans[input].processing_time(),
            ..Facts::default()
        };
        facts.explain(format!("Scan: {}", table.def().name));
        let names = declared_names(table, &columns)?;
        let relation = Relation::new(feed, base, names, facts);
        let relation = match table.def().changes {
            Changes::Append => relation,
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
        let feed = self.node(
            name.clone(),
            vec![Port {
                feeds: relation.feeds.clone(),
                exchange,
            }],
            self.options.shards,
            make,
        )?;
        let mut facts = relation.facts;
        facts.updating = Some(format!("table '{}' has a primary key", table.def().name));
        facts.key = Some(key);
        facts.explain(name);
        Ok(Relation::new(feed, base, relation.schema, facts))
    }

    fn union(&mut self, union: &Union) -> PlanResult<Relation> {
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
        let base = super::expr::numbered(types.map(|(i, t)| (t, nullable(i))).collect::<Vec<_>>());
        let mut facts = Facts::default();
        let mut feeds = Vec::new();
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
            facts.explain.extend(branch.facts.explain);
        }
        facts.explain("Union".to_owned());
        let exprs = (0..base.fields().len()).map(super::expr::column).collect();
        Ok(Relation {
            feeds,
            base,
            predicate: None,
            exprs,
            schema: Arc::clone(&union.schema),
            facts,
        })
    }

    fn finish(self, plans: &[OutputPlan], options: &PlanOptions) -> PlanResult<Lowered> {
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

fn find_scans(plan: &LogicalPlan, scans: &mut Vec<Scan>) -> PlanResult<()> {
    if let LogicalPlan::TableScan(scan) = plan {
        let def = stream_table(scan)?.def();
        if !scans.iter().any(|s| s.def.name == def.name) {
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

fn retracting(mut relation: Relation, table: &str) -> Relation {
    relation.facts.updating = Some(format!("table '{table}' is a changelog"));
    relation
}

pub(super) fn external(error: crate::error::Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
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
