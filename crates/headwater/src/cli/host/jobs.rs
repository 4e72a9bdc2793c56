//! The jobs that one answer starts and waits for.

use std::time::{Duration, Instant};

use headwater::{Answer, Headwater, JobInfo, Phase};

use super::printed::Printed;
use crate::cli::exit::{Code, Failure, Outcome};
use crate::cli::request::{Progress, Replies, Reply};

/// How often it is looked whether jobs have ended.
const NAP: Duration = Duration::from_millis(10);
/// How often whoever waits is told how far it is.
const TELL: Duration = Duration::from_millis(200);

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
            Answer::Started { job, is_bounded } => {
                let note = format!("started {job}");
                self.started.push(Job {
                    name: job,
                    is_bounded,
                });
                self.note(note, replies)
            }
            Answer::Rows(schema, batches) => {
                replies(Reply::Begin {
                    schema,
                    is_stream: false,
                })?;
                batches
                    .into_iter()
                    .try_for_each(|batch| replies(Reply::Rows(batch)))?;
                replies(Reply::End)
            }
        }
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
        replies(Reply::Idle(Progress {
            rows_in: jobs.iter().map(|j| j.status.rows_in).sum(),
            rows_out: jobs.iter().map(|j| j.status.rows_out).sum(),
        }))
    }
}

fn has_ended(job: &JobInfo) -> bool {
    matches!(job.status.phase, Phase::Ended(_) | Phase::Failed(_))
}

fn has_failed(job: &JobInfo) -> bool {
    matches!(job.status.phase, Phase::Failed(_))
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
