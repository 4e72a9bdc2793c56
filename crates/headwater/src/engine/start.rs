//! From planned outputs to a running pipeline: lowered and checked first, so that nothing is started or changed if it
//! cannot run.

use std::sync::Arc;

use arrow::datatypes::{Field, Schema, SchemaRef};
use headwater_flow::connector::{Sink, SinkRequest, Source, SourceRequest};
use headwater_flow::driver::{Control, Pipeline, PipelineSpec, stored_shards};
use headwater_flow::plan::{
    ColumnKind, Emit, Lowered, OutputInfo, OutputPlan, PlanOptions, Reasons, ScanInput, TableDef,
    lower,
};
use headwater_sql::{
    Planned, PlannedOutput, PlannedPipeline, PlannedQuery, SqlError, parse, statement,
};

use super::Headwater;
use crate::error::{Error, ErrorKind, Result};

/// The most shards that a pipeline's state has.
const SHARDS_MAX: usize = 256;

/// What a pipeline is opened with.
pub(super) struct Run {
    pub(super) name: String,
    pub(super) lowered: Lowered,
    pub(super) sinks: Vec<Box<dyn Sink>>,
    pub(super) shards: usize,
    pub(super) keeps: Keeps,
}

/// What is kept of a pipeline besides what its sinks take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Keeps {
    /// Nothing: it is a query that somebody reads.
    Nothing,
    /// What its sources need so that somebody else can go on with them: it will take the place of a job.
    Input,
    /// Its epochs, and rows that are late or cannot be computed: it is a job.
    All,
}

/// Outputs that were lowered and found right.
pub(super) struct Prepared {
    /// The outputs, with their targets as the plan writes them.
    pub(super) outputs: Vec<PlannedOutput>,
    pub(super) lowered: Lowered,
    pub(super) shards: usize,
}

impl Headwater {
    /// What the catalogue knows under this name, planned anew.
    pub(super) fn planned(&self, name: &str) -> Result<PlannedPipeline> {
        let job = self.0.catalogue.job(name).map(|job| job.sql.clone());
        let sql = job.or_else(|| self.session().object(name).map(|o| o.sql.clone()));
        let sql = sql.unwrap_or_default();
        let planned = parse(&sql).and_then(|statements| {
            let statement = statements.into_iter().next();
            statement.map(|s| self.session().replan(&s)).transpose()
        });
        match planned.map_err(|e| Error::sql(&e, &sql))? {
            Some(Planned::Pipeline(pipeline)) => Ok(pipeline),
            _ => {
                let text = format!("the statement of '{name}' starts nothing");
                Err(Error::new(ErrorKind::Bug, text))
            }
        }
    }

    /// Lowers the outputs of the pipeline `name` and checks that their targets take what they give.
    pub(super) fn prepare(
        &self,
        name: &str,
        outputs: &[PlannedOutput],
    ) -> Result<Prepared, SqlError> {
        let shards = self.shards(name)?;
        let plans: Vec<OutputPlan> = outputs.iter().map(output_plan).collect();
        let mut lowered = self
            .lower(&plans, shards)
            .map_err(|e| match outputs.first() {
                Some(first) => first.place.locate(e),
                None => e,
            })?;
        let settled = outputs.iter().zip(&lowered.outputs).map(|(output, info)| {
            let mut output = output.clone();
            output
                .settle(&info.schema, info.updating.as_deref(), info.key.as_deref())
                .map_err(|e| output.place.locate(e))?;
            Ok(output)
        });
        let settled = settled.collect::<Result<_, SqlError>>()?;
        lowered.explain_failures(outputs.iter().map(|output| {
            let place = output.reasons.clone();
            Reasons::new(move |reason| place.reason(reason))
        }));
        Ok(Prepared {
            outputs: settled,
            lowered,
            shards,
        })
    }

    pub(super) fn lower(&self, plans: &[OutputPlan], shards: usize) -> Result<Lowered, SqlError> {
        let options = PlanOptions {
            shards,
            pool: self.0.pool.clone(),
        };
        Ok(lower(plans, &options)?)
    }

    /// The shards that the state of `name` has, or those of a new one.
    fn shards(&self, name: &str) -> Result<usize, SqlError> {
        let stored = match self.0.running.durable {
            true => stored_shards(&self.0.log, name)?,
            false => None,
        };
        Ok(stored.unwrap_or_else(|| self.new_shards()))
    }

    /// The shards of a new pipeline.
    pub(super) fn new_shards(&self) -> usize {
        let threads = self.0.pool.as_ref().map_or(1, |p| p.current_num_threads());
        let wanted = self.0.running.shards.unwrap_or(threads);
        wanted.next_power_of_two().min(SHARDS_MAX)
    }

    /// Opens a pipeline: restores what there is of it.
    pub(super) fn open_pipeline(&self, run: Run, control: &Control) -> Result<Pipeline> {
        let is_durable = self.0.running.durable;
        let is_recorded = is_durable && run.keeps != Keeps::Nothing;
        let inputs = run.lowered.inputs.iter();
        let sources = inputs.map(|input| self.source(input, is_recorded));
        let sources = sources.collect::<Result<Vec<_>>>()?;
        let spec = PipelineSpec {
            name: run.name,
            log: self.0.log.clone(),
            clock: Arc::clone(&self.0.clock),
            lowered: run.lowered,
            sources,
            sinks: run.sinks,
            shards: run.shards,
            pool: self.0.pool.clone(),
            limits: self.0.running.limits,
            durable: is_durable && run.keeps == Keeps::All,
            keeps_late: run.keeps == Keeps::All,
            snapshot_interval_ms: self.0.running.snapshot_interval_ms,
            background: !self.0.running.by_hand,
        };
        Ok(Pipeline::open(spec, control.clone())?)
    }

    /// Whether all inputs end by nature or are cut off.
    pub(super) fn is_bounded(&self, inputs: &[ScanInput]) -> Result<bool> {
        for input in inputs {
            let connector = self.1.connector(&input.def.connector)?;
            if !connector.is_bounded(&input.def.options) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn source(&self, input: &ScanInput, is_recorded: bool) -> Result<Box<dyn Source>> {
        let (schema, metadata) = (Arc::clone(&input.schema), input.metadata.clone());
        self.source_of(&input.def, schema, metadata, is_recorded)
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
        self.source_of(def, schema, metadata, false)
    }

    fn source_of(
        &self,
        def: &TableDef,
        schema: SchemaRef,
        metadata: Vec<Option<String>>,
        is_recorded: bool,
    ) -> Result<Box<dyn Source>> {
        let connector = Arc::clone(self.1.connector(&def.connector)?);
        Ok(connector.source(SourceRequest {
            table: def.name.clone(),
            schema,
            declared: physical(def),
            metadata,
            primary_key: def.primary_key.clone(),
            keys: None,
            options: def.options.clone(),
            is_recorded,
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
            row_key: info.updating.as_ref().and(info.key.clone()),
            options: def.options.clone(),
            log: self.0.log.clone(),
            clock: Arc::clone(&self.0.clock),
            registry: self.1.clone(),
        })?)
    }
}

/// What an output asks of the engine.
pub(super) fn output_plan(output: &PlannedOutput) -> OutputPlan {
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
        required: output.required(),
        fails: output.fails(),
    }
}

/// What a query that is a stream asks of the engine.
pub(super) fn output_plan_of_query(query: &PlannedQuery) -> OutputPlan {
    let emit = match query.emit {
        Some(statement::Emit::OnWindowClose) => Emit::OnClose,
        Some(statement::Emit::Changes) | None => Emit::Changes,
    };
    OutputPlan {
        name: "query".to_owned(),
        plan: query.plan.clone(),
        emit,
        view: false,
        has_key: false,
        required: Vec::new(),
        fails: true,
    }
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
