//! The jobs that one answer starts and waits for.

use std::time::{Duration, Instant};

use headwater::{Answer, Changes, Headwater, JobInfo, Phase, Waited};

use super::printed::Printed;
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::request::{Progress, Replies, Reply};

/// How often it is looked whether jobs have ended.
const NAP: Duration = Duration::from_millis(10);
/// How often whoever waits is told how far it is.
const TELL: Duration = Duration::from_millis(200);
/// How long it is waited for changes before whoever reads them is told that they are still served.
const IDLE: Duration = Duration::from_millis(100);

/// The jobs of an answer.
pub(super) struct Jobs<'a> {
    headwater: &'a Headwater,
    /// What they print on its way to whoever asked; `None`: it goes somewhere else.
    printed: Option<Printed>,
    started: Vec<Job>,
    told: Instant,
}

/// A job that was started.
struct Job {
    name: String,
    is_bounded: bool,
}

impl<'a> Jobs<'a> {
    /// No jobs yet.
    pub(super) fn new(headwater: &'a Headwater, printed: Option<Printed>) -> Self {
        Self {
            headwater,
            printed,
            started: Vec::new(),
            told: Instant::now(),
        }
    }

    /// Hands on what a statement answers, and remembers the job that it started.
    pub(super) fn take(&mut self, answer: Answer, replies: Replies<'_>) -> Outcome {
        match answer {
            Answer::Done(what) => self.note(what, replies),
            Answer::Warning(what) => replies(Reply::Note(format!("warning: {what}"))),
            Answer::Changes(changes) => self.stream(changes, replies),
            Answer::Started {
                job,
                is_bounded,
                is_new,
            } => {
                let note = match is_new {
                    true => format!("started {job}"),
                    false => format!("{job} runs already"),
                };
                self.started.push(Job {
                    name: job,
                    is_bounded,
                });
                self.note(note, replies)
            }
            Answer::Rows(rows) => {
                replies(Reply::Begin {
                    schema: rows.schema,
                    is_stream: false,
                })?;
                rows.batches
                    .into_iter()
                    .try_for_each(|batch| replies(Reply::Rows(batch)))?;
                replies(Reply::End)?;
                rows.commit
                    .map_or(Ok(()), |commit| replies(Reply::AsOf(commit)))
            }
        }
    }

    /// Hands on the changes of a query until it has ended, or whoever asked has had enough.
    fn stream(&mut self, mut changes: Changes, replies: Replies<'_>) -> Outcome {
        replies(Reply::Begin {
            schema: changes.schema(),
            is_stream: true,
        })?;
        let mut enough = Ok(());
        loop {
            match changes.wait(IDLE)? {
                Waited::Rows(batch) => replies(Reply::Rows(batch))?,
                Waited::Nothing => {}
                Waited::End => break,
            }
            if enough.is_ok() {
                enough = self.heed(&changes, replies);
            }
            if enough.is_err() {
                changes.stop();
            }
        }
        replies(Reply::End)?;
        let late = changes.status().late;
        if late > 0 {
            let rows = if late == 1 { "row" } else { "rows" };
            let text =
                format!("{late} {rows} came too late for their windows and are not in the result");
            replies(Reply::Note(text))?;
        }
        enough
    }

    /// Passes on what jobs have printed meanwhile, and tells how far a query is.
    fn heed(&mut self, changes: &Changes, replies: Replies<'_>) -> Outcome {
        if let Some(printed) = &self.printed {
            printed.pass_on(Duration::ZERO, replies)?;
        }
        if self.told.elapsed() < IDLE {
            return Ok(());
        }
        self.told = Instant::now();
        let status = changes.status();
        replies(Reply::Idle(Progress {
            rows_in: status.rows_in,
            rows_out: status.rows_out,
        }))
    }

    /// Says what was done, where nothing else shows it.
    fn note(&self, what: String, replies: Replies<'_>) -> Outcome {
        match self.printed {
            Some(_) => Ok(()),
            None => replies(Reply::Note(what)),
        }
    }

    /// Waits until the jobs whose inputs end by nature have ended.
    ///
    /// # Errors
    /// What the first job that failed ended with.
    pub(super) fn wait_for_bounded(&mut self, replies: Replies<'_>) -> Outcome {
        loop {
            let jobs = self.list();
            let is_awaited = |j: &JobInfo| {
                let same = |s: &&Job| s.is_bounded && s.name == j.name;
                self.started.iter().any(|s| same(&s))
            };
            let is_over = jobs.iter().filter(|j| is_awaited(j)).all(has_ended);
            self.pass_on(&jobs, replies)?;
            if let Some(job) = jobs.iter().find(|j| has_failed(j)) {
                return self.join(&job.name);
            }
            if is_over {
                return Ok(());
            }
        }
    }

    /// What a job that has ended ended with.
    fn join(&self, name: &str) -> Outcome {
        let ended = self.headwater.wait_for(name);
        ended.map_err(|e| failed(Failure::from(e)))
    }

    /// Waits until all jobs have ended. They are stopped when whoever asked has had enough, or one of them has failed.
    ///
    /// # Errors
    /// The first error that a job ended with.
    pub(super) fn finish(&mut self, replies: Replies<'_>) -> Outcome {
        let mut enough = Ok(());
        loop {
            let jobs = self.list();
            if jobs.iter().any(has_failed) {
                self.stop();
            }
            let is_over = jobs.iter().all(has_ended);
            let passed = self.pass_on(&jobs, replies);
            if passed.is_err() && enough.is_ok() {
                self.stop();
                enough = passed;
            }
            if is_over {
                break;
            }
        }
        let joined = self.started.iter().try_for_each(|job| self.join(&job.name));
        joined.and(enough)
    }

    /// Asks all jobs to end at their next epoch.
    pub(super) fn stop(&self) {
        self.started
            .iter()
            .for_each(|job| self.headwater.stop_job(&job.name));
    }

    fn list(&self) -> Vec<JobInfo> {
        let mut jobs = self.headwater.jobs();
        jobs.retain(|j| self.started.iter().any(|s| s.name == j.name));
        jobs
    }

    /// Passes on what was printed, waiting a moment for it, and tells how far the jobs are.
    fn pass_on(&mut self, jobs: &[JobInfo], replies: Replies<'_>) -> Outcome {
        match &self.printed {
            Some(printed) => printed.pass_on(NAP, replies)?,
            None => std::thread::sleep(NAP),
        }
        if self.told.elapsed() < TELL {
            return Ok(());
        }
        self.told = Instant::now();
        let statuses = || jobs.iter().filter_map(|j| j.status.as_ref());
        replies(Reply::Idle(Progress {
            rows_in: statuses().map(|s| s.rows_in).sum(),
            rows_out: statuses().map(|s| s.rows_out).sum(),
        }))
    }
}

fn has_ended(job: &JobInfo) -> bool {
    phase(job).is_none_or(|phase| matches!(phase, Phase::Ended(_) | Phase::Failed(_)))
}

fn has_failed(job: &JobInfo) -> bool {
    matches!(phase(job), Some(Phase::Failed(_)))
}

/// What it does; nothing if it was stopped for good meanwhile.
fn phase(job: &JobInfo) -> Option<&Phase> {
    job.status.as_ref().map(|s| &s.phase)
}

/// What a job fails with while it runs is no longer a matter of the configuration.
fn failed(failure: Failure) -> Failure {
    match failure.code {
        Code::Config => Failure {
            code: Code::Failed,
            ..failure
        },
        _ => failure,
    }
}
