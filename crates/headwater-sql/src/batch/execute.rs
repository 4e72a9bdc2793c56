//! Runs a plan to its end.

use std::collections::HashMap;
use std::sync::Arc;

use arrow::array::{RecordBatch, RecordBatchOptions};
use arrow::datatypes::{Schema, SchemaRef};
use datafusion_common::DataFusionError;
use datafusion_execution::TaskContext;
use datafusion_execution::config::SessionConfig;
use datafusion_expr::LogicalPlan;
use datafusion_physical_plan::display::DisplayableExecutionPlan;
use datafusion_physical_plan::{ExecutionPlan, collect};
use headwater_flow::connector::Options;
use headwater_flow::plan::{Changes, ColumnDef, ColumnKind, TableDef};
use sqlparser::tokenizer::Span;

use super::table::{Tables, load};
use super::{clock, lookup, overflow, physical, window};
use crate::error::{Result, SqlError, SqlErrorKind};
use crate::functions::bind_seeds;
use crate::planner::{
    Names, Planner, Relation, from_datafusion, optimize, optimize_batch, readable, settings,
};
use crate::statement::{Statement, parse};

/// The rows that a query gave.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Names and types of the columns.
    pub schema: SchemaRef,
    /// The rows.
    pub batches: Vec<RecordBatch>,
}

/// Runs an unoptimised plan, as [`Session::plan`](crate::Session::plan) gives it for a query, over the present rows of
/// its tables. Only the columns that the plan needs are asked for.
///
/// # Errors
/// What reading the tables or computing the rows fails with.
pub fn run(plan: LogicalPlan, tables: &dyn Tables) -> Result<Answer> {
    let prepared = planned(plan)?;
    finish(prepared, tables)
}

/// Runs one SELECT over tables in memory, which have the names and columns of the batches; nothing but DataFusion's
/// own optimizer comes between the query and its answer.
///
/// # Errors
/// As a statement of a session; also if the text is not one SELECT.
pub fn execute(sql: &str, tables: &HashMap<String, Vec<RecordBatch>>) -> Result<Answer> {
    let statements = parse(sql)?;
    let [statement] = statements.as_slice() else {
        return Err(SqlError::invalid("expected one statement"));
    };
    let Statement::Query(query) = &statement.statement else {
        return Err(SqlError::invalid("expected a SELECT"));
    };
    let names = MemoryNames(tables);
    let plan = Planner::new(&names).batch().query(query)?;
    finish(prepare(plan).map_err(failed)?, tables)
}

/// The plan that [`run`] would run, as text.
///
/// # Errors
/// As [`run`].
pub fn explain(plan: LogicalPlan) -> Result<String> {
    let prepared = planned(plan)?;
    let shown = prepared.display_indent().to_string();
    // The only filters that scans have: those that name keys.
    Ok(readable(&shown.replace("unsupported_filters=", "keys=")))
}

/// Runs a plan as [`run`] does, and gives what its operators did, as text.
///
/// # Errors
/// As [`run`].
pub fn analyze(plan: LogicalPlan, tables: &dyn Tables) -> Result<String> {
    let prepared = planned(plan)?;
    let (physical, _) = execute_plan(load(prepared, tables)?)?;
    let shown = DisplayableExecutionPlan::with_metrics(physical.as_ref());
    Ok(readable(&shown.indent(false).to_string()))
}

fn planned(plan: LogicalPlan) -> Result<LogicalPlan> {
    let optimized = prepare(plan).and_then(optimize);
    optimized.and_then(lookup::mark).map_err(failed)
}

fn prepare(plan: LogicalPlan) -> Result<LogicalPlan, DataFusionError> {
    bind_seeds(clock::bind(window::expand(plan)?)?)
}

fn finish(plan: LogicalPlan, tables: &dyn Tables) -> Result<Answer> {
    let plan = load(plan, tables)?;
    let schema: SchemaRef = Arc::clone(plan.schema().inner());
    let (_, batches) = execute_plan(plan)?;
    let schema = batches.first().map_or(schema, RecordBatch::schema);
    let schema = with_readable_names(&schema);
    let batches = batches.into_iter().map(|batch| {
        let rows = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
        let columns = batch.columns().to_vec();
        RecordBatch::try_new_with_options(Arc::clone(&schema), columns, &rows)
    });
    let batches = batches.collect::<std::result::Result<_, _>>();
    Ok(Answer {
        batches: batches.map_err(|e| failed(e.into()))?,
        schema,
    })
}

/// Columns without a name are called after what is computed, as SQL says it; only such names have parentheses.
fn with_readable_names(schema: &SchemaRef) -> SchemaRef {
    let fields = schema
        .fields()
        .iter()
        .map(|f| match f.name().contains('(') {
            true => Arc::new(f.as_ref().clone().with_name(readable(f.name()))),
            false => Arc::clone(f),
        });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// What a query's thread has for the stack: plans are walked by recursion.
const STACK: usize = 16 << 20;

fn execute_plan(plan: LogicalPlan) -> Result<(Arc<dyn ExecutionPlan>, Vec<RecordBatch>)> {
    // The caller may be in a runtime of its own, inside of which there can be no other.
    std::thread::scope(|threads| {
        let thread = std::thread::Builder::new().stack_size(STACK);
        let thread = thread.spawn_scoped(threads, || on_this_thread(plan));
        let thread = thread.map_err(|e| unavailable("thread", &e))?;
        let panicked = |_| SqlError::new(SqlErrorKind::Bug, "a query panicked");
        thread.join().map_err(panicked)?
    })
}

fn on_this_thread(plan: LogicalPlan) -> Result<(Arc<dyn ExecutionPlan>, Vec<RecordBatch>)> {
    let (plan, props) = optimize_batch(plan).map_err(failed)?;
    let plan = overflow::checked(plan).map_err(failed)?;
    let operators = physical::plan(&plan, &props).map_err(failed)?;
    let config = SessionConfig::from(settings()).with_target_partitions(1);
    let context = Arc::new(TaskContext::default().with_session_config(config));
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .map_err(|e| unavailable("runtime", &e))?;
    let rows = runtime.block_on(collect(Arc::clone(&operators), context));
    Ok((operators, rows.map_err(failed)?))
}

fn unavailable(what: &str, error: &std::io::Error) -> SqlError {
    SqlError::new(SqlErrorKind::Unavailable, format!("no {what}: {error}"))
}

fn failed(error: DataFusionError) -> SqlError {
    from_datafusion(error, Span::empty())
}

/// Batches as tables.
struct MemoryNames<'a>(&'a HashMap<String, Vec<RecordBatch>>);

impl Names for MemoryNames<'_> {
    fn relation(&self, name: &str) -> Option<Relation> {
        let schema = self.0.get(name)?.first()?.schema();
        let columns = schema.fields().iter().map(|f| ColumnDef {
            name: f.name().clone(),
            data_type: f.data_type().clone(),
            nullable: f.is_nullable(),
            kind: ColumnKind::Physical,
        });
        Some(Relation::Table(Arc::new(TableDef {
            name: name.to_owned(),
            columns: columns.collect(),
            watermark: None,
            primary_key: Vec::new(),
            changes: Changes::Append,
            connector: "memory".to_owned(),
            options: Options::default(),
        })))
    }

    fn relation_names(&self) -> Vec<String> {
        self.0.keys().cloned().collect()
    }
}
