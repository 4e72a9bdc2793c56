//! `EXPLAIN`: a statement in canonical form and the operators that do it; `EXPLAIN ANALYZE`: what they did over what is
//! there now.

use std::sync::Arc;
use std::time::Instant;

use headwater_flow::connector::Sink;
use headwater_flow::driver::{Control, Status};
use headwater_flow::plan::{Explain, Lowered, OutputPlan, PlanOptions, lower_measured};
use headwater_flow::{Result as FlowResult, ZBatch};
use headwater_sql::batch::{self, SourceTables};
use headwater_sql::{Planned, PlannedQuery, SqlError};

use super::Headwater;
use super::answer::{Answer, texts};
use super::start::{Keeps, Run, output_plan, output_plan_of_query};
use crate::error::{Error, ErrorKind, Result};

impl Headwater {
    pub(super) fn explain(&self, planned: &Planned, analyze: bool, text: &str) -> Result<Answer> {
        let Some(shown) = self.explained(planned, analyze, text)? else {
            return Err(Error::new(
                ErrorKind::Sql,
                "there is nothing to explain: the statement runs no query",
            ));
        };
        let lines = shown.lines().map(|line| vec![line.to_owned()]);
        texts(&["plan"], &lines.collect::<Vec<_>>())
    }

    /// What is to be seen of a statement; `None`: it runs no query.
    pub(super) fn explained(
        &self,
        planned: &Planned,
        analyze: bool,
        text: &str,
    ) -> Result<Option<String>> {
        let wrong = |e: SqlError| Error::sql(&e, text);
        let (canonical, plans) = match planned {
            Planned::Query(query) if query.emit.is_none() => {
                return self.explained_batch(query, analyze, text).map(Some);
            }
            Planned::Query(query) => {
                let plan = output_plan_of_query(query);
                (vec![query.canonical.clone()], vec![plan])
            }
            Planned::Pipeline(pipeline) => {
                let outputs = pipeline.outputs.iter();
                // A target that does not take what it is given is an error here too.
                self.prepare(&pipeline.name, &pipeline.outputs)
                    .map_err(wrong)?;
                outputs
                    .map(|o| (o.canonical.clone(), output_plan(o)))
                    .unzip()
            }
            Planned::InsertValues(output) => return Ok(Some(format!("{}\n", output.canonical))),
            Planned::Explain { planned, .. } => return self.explained(planned, analyze, text),
            _ => return Ok(None),
        };
        let mut shown = canonical.join(";\n\n");
        shown += "\n\n";
        let explain = match analyze {
            true => {
                let (explain, figures) = self.analyze(&plans, text)?;
                shown += &figures;
                explain
            }
            false => {
                self.lower(&plans, self.new_shards())
                    .map_err(wrong)?
                    .explain
            }
        };
        Ok(Some(shown + &explain.to_string()))
    }

    fn explained_batch(&self, query: &PlannedQuery, analyze: bool, text: &str) -> Result<String> {
        let wrong = |e: SqlError| Error::sql(&e, text);
        let plan = match analyze {
            true => batch::analyze(query.plan.clone(), &self.tables_and_system(text)?),
            false => batch::explain(query.plan.clone()),
        };
        Ok(format!(
            "{}\n\nBatch over what is durable\n{}",
            query.canonical,
            plan.map_err(wrong)?
        ))
    }

    /// Runs plans over what is there now, into nowhere.
    fn analyze(&self, plans: &[OutputPlan], text: &str) -> Result<(Explain, String)> {
        let shards = self.new_shards();
        let options = PlanOptions {
            shards,
            pool: self.0.pool.clone(),
        };
        let mut lowered = lower_measured(plans, &options)?;
        let explain = lowered.explain.clone();
        let tables = self.tables(text)?;
        self.bound(&mut lowered, &tables)
            .map_err(|e| Error::sql(&e, text))?;
        let sinks = plans.iter().map(|_| Box::new(Nowhere) as Box<dyn Sink>);
        let started = Instant::now();
        let run = Run {
            name: "explain".to_owned(),
            sinks: sinks.collect(),
            lowered,
            shards,
            keeps: Keeps::Nothing,
        };
        let mut pipeline = self.open_pipeline(run, &Control::default())?;
        pipeline.run()?;
        let figures = figures(&pipeline.control().status(), started);
        Ok((explain, figures))
    }

    /// Makes the inputs end where they end now.
    fn bound(&self, lowered: &mut Lowered, tables: &SourceTables) -> Result<(), SqlError> {
        for input in &mut lowered.inputs {
            let options = tables.bounded(&input.def)?;
            Arc::make_mut(&mut input.def).options = options;
        }
        Ok(())
    }
}

fn figures(status: &Status, started: Instant) -> String {
    let seconds = started.elapsed().as_secs_f64();
    format!(
        "{} rows read in {seconds:.3} s, {} given, {} late, {} damaged, {} epochs; windows that are open are not in it\n\n",
        status.rows_in, status.rows_out, status.late, status.rejected, status.epochs
    )
}

/// A sink that forgets.
struct Nowhere;

impl Sink for Nowhere {
    fn write(&mut self, _: u64, _: &[ZBatch], _: &mut headwater_log::Commit) -> FlowResult<()> {
        Ok(())
    }

    fn committed(&mut self, _: u64) -> FlowResult<()> {
        Ok(())
    }

    fn recover(&mut self, _: u64) -> FlowResult<()> {
        Ok(())
    }

    fn close(&mut self) -> FlowResult<()> {
        Ok(())
    }
}
