//! From a planned pipeline to a running one: lowered and checked first, so that nothing is started or changed if it
//! cannot run.

use std::sync::{Arc, PoisonError};

use arrow::datatypes::{Field, Schema, SchemaRef};
use headwater_flow::connector::{Sink, SinkRequest, Source, SourceRequest};
use headwater_flow::driver::{Control, Pipeline, PipelineSpec, stored_shards};
use headwater_flow::plan::{
    Changes, ColumnKind, Emit, OutputInfo, OutputPlan, PlanOptions, ScanInput, TableDef, lower,
};
use headwater_sql::{PlannedOutput, PlannedPipeline, count_rows, statement};

use super::Headwater;
use super::execute::Answer;
use crate::error::{Error, ErrorKind, Result};

/// The most shards that a pipeline's state has.
const SHARDS_MAX: usize = 256;
/// Sinks that show changes as they are.
const SHOWS_CHANGES: [&str; 2] = ["print", "blackhole"];

impl Headwater {
    /// Starts a pipeline.
    pub(super) fn start(&self, pipeline: &PlannedPipeline) -> Result<Answer> {
        let mut pipeline = pipeline.clone();
        let starting = self.0.starting.lock();
        let _alone = starting.unwrap_or_else(PoisonError::into_inner);
        let name = self.0.jobs.free_name(&pipeline.name);
        let shards = self.shards(&name)?;
        let pool = self.0.pool.clone();
        let plans: Vec<OutputPlan> = pipeline.outputs.iter().map(output_plan).collect();
        let lowered = lower(
            &plans,
            &PlanOptions {
                shards,
                pool: pool.clone(),
            },
        )?;
        let is_bounded = self.is_bounded(&lowered.inputs)?;
        if let Some(job) = self.running(&pipeline) {
            return Ok(Answer::Started { job, is_bounded });
        }
        for (output, info) in pipeline.outputs.iter_mut().zip(&lowered.outputs) {
            output.target = Arc::new(settle_target(output, info)?);
        }
        self.define(&mut pipeline)?;
        let sources = lowered
            .inputs
            .iter()
            .map(|i| self.source(i))
            .collect::<Result<Vec<_>>>()?;
        let sinks = pipeline.outputs.iter().zip(&lowered.outputs);
        let sinks = sinks
            .map(|(o, info)| self.sink(&o.target, info))
            .collect::<Result<Vec<_>>>()?;
        let spec = PipelineSpec {
            name: name.clone(),
            log: self.0.log.clone(),
            clock: Arc::clone(&self.0.clock),
            lowered,
            sources,
            sinks,
            shards,
            pool,
            limits: self.0.running.limits,
            durable: self.0.running.durable,
            snapshot_interval_ms: self.0.running.snapshot_interval_ms,
            background: !self.0.running.by_hand,
        };
        let opened = Pipeline::open(spec, Control::default())?;
        self.0.jobs.begin(&name, &pipeline.text, opened)?;
        Ok(Answer::Started {
            job: name,
            is_bounded,
        })
    }

    /// The job that does already what a pipeline would.
    fn running(&self, pipeline: &PlannedPipeline) -> Option<String> {
        let is_view = pipeline.outputs.iter().any(|o| o.is_view);
        if is_view && self.0.jobs.has(&pipeline.name) {
            return Some(pipeline.name.clone());
        }
        let repeats = self.0.options.repeats;
        repeats.then(|| self.0.jobs.running(&pipeline.text))?
    }

    /// Whether all inputs end by nature or are cut off.
    fn is_bounded(&self, inputs: &[ScanInput]) -> Result<bool> {
        for input in inputs {
            let connector = self.1.connector(&input.def.connector)?;
            if !connector.is_bounded(&input.def.options) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The shards that the state of `name` has, or those of a new one.
    fn shards(&self, name: &str) -> Result<usize> {
        let stored = match self.0.running.durable {
            true => stored_shards(&self.0.log, name)?,
            false => None,
        };
        let threads = self.0.pool.as_ref().map_or(1, |p| p.current_num_threads());
        let wanted = self.0.running.shards.unwrap_or(threads);
        Ok(stored.unwrap_or(wanted.next_power_of_two().min(SHARDS_MAX)))
    }

    /// Tells the catalogue of the view that the pipeline keeps, with the key that it turned out to have.
    fn define(&self, pipeline: &mut PlannedPipeline) -> Result<()> {
        let Some(definition) = &mut pipeline.definition else {
            return Ok(());
        };
        if let (Some(output), Some(_)) = (pipeline.outputs.first(), &definition.object.table) {
            definition.object.table = Some(Arc::clone(&output.target));
        }
        let definition = definition.clone();
        self.session()
            .apply(&definition)
            .map_err(|e| Error::sql(&e, &pipeline.text))
    }

    fn source(&self, input: &ScanInput) -> Result<Box<dyn Source>> {
        let (schema, metadata) = (Arc::clone(&input.schema), input.metadata.clone());
        self.source_of(&input.def, schema, metadata)
    }

    /// A source of all columns that a table stores.
    pub(crate) fn whole_source(&self, def: &TableDef) -> Result<Box<dyn Source>> {
        let stored = || {
            let columns = def.columns.iter();
            columns.filter(|c| !matches!(c.kind, ColumnKind::Computed(_)))
        };
        let fields = stored().map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
        let schema = Arc::new(Schema::new(fields.collect::<Vec<_>>()));
        let metadata = stored().map(|c| metadata_key(&c.kind)).collect();
        self.source_of(def, schema, metadata)
    }

    fn source_of(
        &self,
        def: &TableDef,
        schema: SchemaRef,
        metadata: Vec<Option<String>>,
    ) -> Result<Box<dyn Source>> {
        let connector = Arc::clone(self.1.connector(&def.connector)?);
        Ok(connector.source(SourceRequest {
            table: def.name.clone(),
            schema,
            declared: physical(def),
            metadata,
            primary_key: def.primary_key.clone(),
            options: def.options.clone(),
            log: self.0.log.clone(),
            clock: Arc::clone(&self.0.clock),
            registry: self.1.clone(),
        })?)
    }

    /// The sink of a table for rows of `info`, whose columns are those that the table stores, in order.
    pub(super) fn sink(&self, def: &TableDef, info: &OutputInfo) -> Result<Box<dyn Sink>> {
        let connector = Arc::clone(self.1.connector(&def.connector)?);
        let stored: Vec<_> = def.columns.iter().filter(|c| is_written(&c.kind)).collect();
        let fields = stored.iter().zip(info.schema.fields());
        let fields = fields.map(|(c, f)| Field::new(&c.name, f.data_type().clone(), true));
        Ok(connector.sink(SinkRequest {
            table: def.name.clone(),
            schema: Arc::new(Schema::new(fields.collect::<Vec<_>>())),
            metadata: stored.iter().map(|c| metadata_key(&c.kind)).collect(),
            primary_key: def.primary_key.clone(),
            options: def.options.clone(),
            log: self.0.log.clone(),
            clock: Arc::clone(&self.0.clock),
            registry: self.1.clone(),
        })?)
    }
}

fn output_plan(output: &PlannedOutput) -> OutputPlan {
    let emit = match (output.emit, output.is_view) {
        (Some(statement::Emit::Changes), _) | (None, true) => Emit::Changes,
        (Some(statement::Emit::OnWindowClose), _) | (None, false) => Emit::OnClose,
    };
    OutputPlan {
        name: output.target.name.clone(),
        plan: output.plan.clone(),
        emit,
        view: output.is_view,
        has_key: !output.target.primary_key.is_empty(),
    }
}

/// The target as the lowered plan writes it: a view gets the key that identifies its rows; an append-only table takes
/// no changes.
fn settle_target(output: &PlannedOutput, info: &OutputInfo) -> Result<TableDef> {
    let mut target = (*output.target).clone();
    match (&info.updating, output.is_view) {
        (None, true) if target.primary_key.is_empty() => target.changes = Changes::Append,
        (Some(_), true) if target.primary_key.is_empty() => {
            target.changes = Changes::Upsert;
            match info.key.as_deref() {
                None | Some([]) => count_rows(&mut target),
                Some(key) => {
                    let name = |k: &usize| info.schema.field(*k).name().clone();
                    target.primary_key = key.iter().map(name).collect();
                }
            }
        }
        (Some(operator), false) if !takes_changes(&target) => {
            return Err(appends_only(&target, operator));
        }
        _ => {}
    }
    Ok(target)
}

fn takes_changes(target: &TableDef) -> bool {
    !target.primary_key.is_empty()
        || target.changes != Changes::Append
        || SHOWS_CHANGES.contains(&target.connector.as_str())
}

fn appends_only(target: &TableDef, operator: &str) -> Error {
    Error::new(
        ErrorKind::Sql,
        format!(
            "table '{}' only takes new rows, but the query changes rows: {operator}",
            target.name
        ),
    )
    .with_hint("give the table a PRIMARY KEY, use a changelog format, or aggregate over a window")
}

fn physical(def: &TableDef) -> SchemaRef {
    let columns = def.columns.iter().filter(|c| c.kind.is_physical());
    let fields = columns.map(|c| Field::new(&c.name, c.data_type.clone(), c.nullable));
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

fn is_written(kind: &ColumnKind) -> bool {
    match kind {
        ColumnKind::Physical | ColumnKind::Count => true,
        ColumnKind::Metadata { is_virtual, .. } => !is_virtual,
        ColumnKind::Computed(_) => false,
    }
}

fn metadata_key(kind: &ColumnKind) -> Option<String> {
    match kind {
        ColumnKind::Metadata { key, .. } => Some(key.clone()),
        _ => None,
    }
}
