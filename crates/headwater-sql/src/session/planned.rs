//! What a statement asks for, checked and planned.

use std::sync::Arc;

use datafusion_common::tree_node::TreeNodeRecursion;
use datafusion_expr::LogicalPlan;
use headwater_flow::plan::{StreamTable, TableDef};

use crate::catalogue::Definition;
use crate::planner::QueryPlace;
use crate::statement::Emit;

/// What a statement asks for, checked and planned.
#[derive(Debug, Clone)]
pub enum Planned {
    /// Tell the catalogue: [`Session::apply`].
    Define(Definition),
    /// Start a pipeline.
    Pipeline(PlannedPipeline),
    /// Answer a query: a batch over what is durable, or, with `EMIT`, a stream.
    Query(PlannedQuery),
    /// Write the rows of a `VALUES` once.
    InsertValues(PlannedOutput),
    /// Show the plan.
    Explain {
        /// With measured figures.
        analyze: bool,
        /// What would be done.
        planned: Box<Planned>,
        /// The statement as written.
        text: String,
    },
    /// Show a table of texts: names of the columns and rows.
    Rows(Vec<String>, Vec<Vec<String>>),
    /// Show the running jobs.
    ShowJobs,
    /// Show the topics of the log.
    ShowTopics,
    /// Stop a job.
    StopJob(String),
    /// Suspend (`false`) or resume (`true`) a job or materialised view.
    Alter(String, bool),
    /// `IF NOT EXISTS` of an object that exists.
    Exists(String),
    /// Nothing is left to do, but there is something to say.
    Warning(String),
    /// Nothing is left to do.
    Done,
}

/// A continuous job.
#[derive(Debug, Clone)]
pub struct PlannedPipeline {
    /// The name that a job of this statement has if no other job has it; that of a materialised view.
    pub name: String,
    /// The statement as written.
    pub text: String,
    /// Its outputs; inputs that they share are read once.
    pub outputs: Vec<PlannedOutput>,
    /// What is to be told to the catalogue before it starts.
    pub definition: Option<Definition>,
    /// It uses temporary objects, which only this session knows.
    pub is_temporary: bool,
}

impl PlannedPipeline {
    /// Takes outputs with their targets as the lowered plan writes them; a view is defined with its target.
    pub fn settle(&mut self, outputs: Vec<PlannedOutput>) {
        if let (Some(definition), Some(output)) = (&mut self.definition, outputs.first()) {
            definition.object.table = Some(Arc::clone(&output.target));
        }
        self.outputs = outputs;
    }

    /// Whether it keeps a materialised view.
    pub fn is_view(&self) -> bool {
        self.outputs.iter().any(|o| o.is_view)
    }
}

/// One output of a pipeline.
#[derive(Debug, Clone)]
pub struct PlannedOutput {
    /// The table, or the changelog table of the materialised view.
    pub target: Arc<TableDef>,
    /// Whether the target is a materialised view.
    pub is_view: bool,
    /// Rows of exactly the columns that the target writes.
    pub plan: LogicalPlan,
    /// `EMIT …`, if it was written.
    pub emit: Option<Emit>,
    /// Where the query stands in the text.
    pub place: QueryPlace,
    /// The same in the statement alone, for the reasons of rows that cannot be computed.
    pub reasons: QueryPlace,
    /// The statement in canonical form, for EXPLAIN.
    pub canonical: String,
}

/// A query to be answered.
#[derive(Debug, Clone)]
pub struct PlannedQuery {
    /// The unoptimised plan, views expanded.
    pub plan: LogicalPlan,
    /// With `EMIT` the query is a stream.
    pub emit: Option<Emit>,
    /// Where the query stands in the text.
    pub place: QueryPlace,
    /// The query in canonical form, for EXPLAIN.
    pub canonical: String,
}

impl PlannedQuery {
    /// The tables and materialised views that it reads.
    pub fn tables(&self) -> Vec<Arc<TableDef>> {
        let mut found = Vec::new();
        let visited = self.plan.apply_with_subqueries(|node| {
            if let LogicalPlan::TableScan(scan) = node
                && let Some(table) = scan.source.as_ref().downcast_ref::<StreamTable>()
            {
                found.push(Arc::clone(table.def()));
            }
            Ok(TreeNodeRecursion::Continue)
        });
        // Nothing above fails.
        visited.map_or_else(|_| Vec::new(), |_| found)
    }
}
