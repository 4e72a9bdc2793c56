//! Jobs and materialised views from start to end: each is written down in the catalogue before it runs, goes on with its
//! state whenever it is started again, and is cleared away when it is stopped for good.

use std::sync::Arc;

use headwater_flow::driver::{Control, Pipeline, forget, late_topic};
use headwater_sql::catalogue::{Definition, Job, dropped, forget_dropped};
use headwater_sql::statement::ObjectKind;
use headwater_sql::{PlannedPipeline, parse};

use super::Headwater;
use super::answer::Answer;
use super::fresh::{topics, written_topics};
use super::jobs::{NewJob, Reopen};
use super::script::Script;
use super::start::{Keeps, Prepared, Run};
use crate::error::{Error, ErrorKind, Result};

impl Script {
    /// Starts a materialised view, or a job under the name that it had before, if it is one of the catalogue.
    pub(super) fn start(&mut self, pipeline: PlannedPipeline) -> Result<Answer> {
        let hw = self.headwater.clone();
        let _turn = hw.0.jobs.turn();
        if pipeline.is_view() {
            return hw.start_view(&pipeline, &self.text);
        }
        let known = hw.known_job(&pipeline.text, |name| self.claimed.contains(name));
        let name = match &known {
            Some(job) => job.name.clone(),
            None => hw.new_job_name(&pipeline)?,
        };
        self.claimed.insert(name.clone());
        if known.as_ref().is_some_and(|job| job.is_suspended) {
            let text = format!("{name} is suspended: ALTER JOB '{name}' RESUME lets it go on");
            return Ok(Answer::Warning(text));
        }
        let prepared = hw.prepare(&name, &pipeline.outputs);
        let prepared = prepared.map_err(|e| self.failed(&e))?;
        let is_bounded = hw.is_bounded(&prepared.lowered.inputs)?;
        if hw.is_live(&name) {
            return Ok(started(&name, is_bounded, false));
        }
        if known.is_none() {
            hw.start_new_job(&name, &pipeline, prepared, &self.text)?;
        } else {
            hw.spawn(&name, &pipeline, prepared)?;
        }
        Ok(started(&name, is_bounded, true))
    }
}

fn started(job: &str, is_bounded: bool, is_new: bool) -> Answer {
    Answer::Started {
        job: job.to_owned(),
        is_bounded,
        is_new,
    }
}

impl Headwater {
    /// Whether a job need not be started: it runs, or has finished and nothing is left to go on with.
    pub(super) fn is_live(&self, name: &str) -> bool {
        self.0.jobs.is_live(name, !self.0.running.durable)
    }

    /// The job of the catalogue that this statement started, and that is not taken.
    pub(super) fn known_job(&self, sql: &str, is_taken: impl Fn(&str) -> bool) -> Option<Arc<Job>> {
        let statements = parse(sql).unwrap_or_default();
        let statement = statements.first()?;
        let mut jobs = self.0.catalogue.jobs();
        // `x` before `x-2` before `x-10`.
        jobs.sort_by(|a, b| (a.name.len(), &a.name).cmp(&(b.name.len(), &b.name)));
        jobs.into_iter()
            .find(|job| !is_taken(&job.name) && statement.says(&job.sql))
    }

    /// The name of a new job: the wanted one, or the first of `wanted-2`, `wanted-3`, … that nobody has.
    fn new_job_name(&self, pipeline: &PlannedPipeline) -> Result<String> {
        let is_taken = |name: &str| {
            self.0.catalogue.job(name).is_some()
                || self.session().object(name).is_some()
                || self.is_live(name)
        };
        let wanted = &pipeline.name;
        let is_set = self.session().setting("pipeline.name") == Some(wanted);
        if is_set && is_taken(wanted) {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!("the name '{wanted}' is that of another job or view"),
            )
            .with_hint("SET 'pipeline.name' to another name, or RESET it"));
        }
        let numbered = (2..).map(|n| format!("{wanted}-{n}"));
        let mut names = std::iter::once(wanted.clone()).chain(numbered);
        Ok(names.find(|n| !is_taken(n)).unwrap_or_default())
    }

    /// Writes a new job down and starts it; if it cannot be started, nothing is left of it.
    fn start_new_job(
        &self,
        name: &str,
        pipeline: &PlannedPipeline,
        prepared: Prepared,
        text: &str,
    ) -> Result<()> {
        forget(&self.0.log, name)?;
        if !pipeline.is_temporary {
            self.declare_inferred(&pipeline.text, text)?;
        }
        if let Some(definition) = &pipeline.definition {
            let applied = self.session().apply(definition);
            applied.map_err(|e| Error::sql(&e, text))?;
        }
        let kept = self.0.catalogue.keep_job(Job {
            name: name.to_owned(),
            sql: pipeline.text.clone(),
            is_suspended: false,
            is_temporary: pipeline.is_temporary,
        });
        let started = kept
            .map_err(|e| Error::sql(&e, text))
            .and_then(|()| self.spawn(name, pipeline, prepared));
        if let Err(error) = started {
            // The error that it could not be started with says more than one from clearing away.
            drop(self.0.catalogue.drop_job(name));
            if let Some(definition) = &pipeline.definition {
                drop(self.session().apply(&dropping(definition)));
            }
            drop(self.clear_dropped());
            return Err(error);
        }
        Ok(())
    }

    fn start_view(&self, pipeline: &PlannedPipeline, text: &str) -> Result<Answer> {
        let name = &pipeline.name;
        let prepared = self.prepare(name, &pipeline.outputs);
        let prepared = prepared.map_err(|e| Error::sql(&e, text))?;
        let is_bounded = self.is_bounded(&prepared.lowered.inputs)?;
        let Some(definition) = &pipeline.definition else {
            let object = self.session().object(name);
            if object.is_some_and(|o| o.is_suspended) {
                let text = format!(
                    "{name} is suspended: ALTER MATERIALIZED VIEW {name} RESUME lets it go on"
                );
                return Ok(Answer::Warning(text));
            }
            if self.is_live(name) {
                return Ok(started(name, is_bounded, false));
            }
            self.spawn(name, pipeline, prepared)?;
            return Ok(started(name, is_bounded, true));
        };
        let mut definition = definition.clone();
        if let Some(output) = prepared.outputs.first() {
            definition.object.table = Some(Arc::clone(&output.target));
        }
        let before = self.session().object(name);
        if let Some(before) = before {
            // OR REPLACE: the view is another one, which begins anew.
            self.drop_pipeline(&Definition {
                object: (*before).clone(),
                ..dropping(&definition)
            })?;
        }
        forget(&self.0.log, name)?;
        self.declare_inferred(&pipeline.text, text)?;
        let applied = self.session().apply(&definition);
        applied.map_err(|e| Error::sql(&e, text))?;
        if let Err(error) = self.spawn(name, pipeline, prepared) {
            drop(self.drop_pipeline(&dropping(&definition)));
            return Err(error);
        }
        Ok(started(name, is_bounded, true))
    }

    /// Opens a prepared pipeline and runs it on a thread. Whenever something that it needs is away for a while, it is
    /// prepared and opened again.
    fn spawn(&self, name: &str, pipeline: &PlannedPipeline, prepared: Prepared) -> Result<()> {
        let control = Control::default();
        let reads = topics(prepared.lowered.inputs.iter().map(|i| &*i.def));
        let writes = written_topics(&prepared);
        let opened = self.open_prepared(name, prepared, &control)?;
        let (headwater, outputs) = (self.clone(), pipeline.outputs.clone());
        let (again, control) = (name.to_owned(), control);
        let reopen: Reopen = Box::new(move || {
            let prepared = headwater.prepare(&again, &outputs);
            let prepared = prepared.map_err(|e| Error::sql(&e, ""))?;
            headwater.open_prepared(&again, prepared, &control)
        });
        let job = NewJob {
            name,
            text: &pipeline.text,
            reads,
            writes,
        };
        let reopen = self.0.running.durable.then_some(reopen);
        self.0.jobs.begin(job, opened, reopen)
    }

    pub(super) fn open_prepared(
        &self,
        name: &str,
        prepared: Prepared,
        control: &Control,
    ) -> Result<Pipeline> {
        let outputs = prepared.outputs.iter().zip(&prepared.lowered.outputs);
        let sinks = outputs.map(|(o, info)| self.sink(&o.target, info));
        let run = Run {
            name: name.to_owned(),
            sinks: sinks.collect::<Result<Vec<_>>>()?,
            lowered: prepared.lowered,
            shards: prepared.shards,
            keeps: Keeps::All,
        };
        self.open_pipeline(run, control)
    }

    /// Declares the topics without DDL that a statement uses which outlives this process.
    pub(super) fn declare_inferred(&self, sql: &str, text: &str) -> Result<()> {
        let mut session = self.session();
        for definition in session.inferred(sql) {
            let applied = session.apply(&definition);
            applied.map_err(|e| Error::sql(&e, text))?;
        }
        Ok(())
    }

    /// Drops a materialised view with all that is kept of it.
    pub(super) fn drop_pipeline(&self, definition: &Definition) -> Result<()> {
        let applied = self.session().apply(definition);
        applied.map_err(|e| Error::sql(&e, ""))?;
        self.clear_dropped()
    }

    /// Ends a job for good: its state is gone; what it has written stays.
    pub(super) fn end_job(&self, name: &str) -> Result<Answer> {
        let _turn = self.0.jobs.turn();
        let dropped = self.0.catalogue.drop_job(name);
        dropped.map_err(|e| Error::sql(&e, ""))?;
        self.0.jobs.remove(name);
        forget(&self.0.log, name)?;
        self.clear_dropped()?;
        Ok(Answer::Done(format!("stopped {name}")))
    }

    /// Clears away what was dropped: by this process, or by one that was killed before it could.
    pub(super) fn clear_dropped(&self) -> Result<()> {
        let log = &self.0.log;
        for (name, is_view) in dropped(log) {
            self.0.jobs.remove(&name);
            forget(log, &name)?;
            if is_view {
                for topic in [name.clone(), late_topic(&name)] {
                    if log.topic(&topic).is_some() {
                        log.delete_topic(&topic)?;
                    }
                }
            }
            forget_dropped(log, &name).map_err(|e| Error::sql(&e, ""))?;
        }
        Ok(())
    }

    /// Stops a job or view after a last commit; it keeps its state and waits to be resumed.
    pub(super) fn suspend(&self, name: &str) -> Result<Answer> {
        let _turn = self.0.jobs.turn();
        let suspended = self.0.catalogue.suspend(name, true);
        suspended.map_err(|e| Error::sql(&e, ""))?;
        self.0.jobs.remove(name);
        Ok(Answer::Done(format!("suspended {name}")))
    }

    /// Lets a suspended job or view go on.
    pub(super) fn resume_one(&self, name: &str) -> Result<Answer> {
        let _turn = self.0.jobs.turn();
        let resumed = self.0.catalogue.suspend(name, false);
        resumed.map_err(|e| Error::sql(&e, ""))?;
        if !self.is_live(name) {
            self.go_on(name)?;
        }
        Ok(Answer::Done(format!("resumed {name}")))
    }

    /// Starts the materialised views and jobs of the catalogue that neither run nor are suspended: after a restart they
    /// go on where they were. One that cannot be started does not keep the others from it; [`jobs`](Self::jobs)
    /// shows it as failed.
    ///
    /// # Errors
    /// The first that starting one meets.
    pub fn resume(&self) -> Result<()> {
        let _turn = self.0.jobs.turn();
        let mut objects = self.0.catalogue.objects();
        objects.retain(|o| o.kind == ObjectKind::MaterializedView && !o.is_suspended);
        objects.sort_by_key(|o| o.commit);
        let views = objects.iter().map(|o| (&o.name, &o.sql));
        let mut jobs = self.0.catalogue.jobs();
        jobs.retain(|job| !job.is_suspended && !job.is_temporary);
        let jobs = jobs.iter().map(|j| (&j.name, &j.sql));
        let mut first = Ok(());
        for (name, sql) in views.chain(jobs) {
            if !self.is_live(name)
                && let Err(error) = self.go_on(name)
            {
                self.0.jobs.note_failed(name, sql, &error);
                first = first.and(Err(error));
            }
        }
        first
    }

    /// A materialised view that is there runs, unless it is suspended.
    pub(super) fn resume_existing(&self, name: &str) -> Result<()> {
        let _turn = self.0.jobs.turn();
        let object = self.session().object(name);
        let runs = |o: &headwater_sql::catalogue::Object| {
            o.kind == ObjectKind::MaterializedView && !o.is_suspended
        };
        match object.filter(|o| runs(o)) {
            Some(_) if !self.is_live(name) => self.go_on(name),
            _ => Ok(()),
        }
    }

    /// Starts what the catalogue knows under this name.
    pub(super) fn go_on(&self, name: &str) -> Result<()> {
        let pipeline = self.planned(name)?;
        let prepared = self.prepare(name, &pipeline.outputs);
        let prepared = prepared.map_err(|e| Error::sql(&e, &pipeline.text))?;
        self.spawn(name, &pipeline, prepared)
    }
}

/// The definition that takes another one back.
fn dropping(definition: &Definition) -> Definition {
    Definition {
        drop: true,
        ..definition.clone()
    }
}
