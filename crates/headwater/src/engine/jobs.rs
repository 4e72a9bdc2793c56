//! The pipelines of a process: each on a thread of its own, started from planned statements, asked and stopped by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use headwater_flow::driver::{Control, Ending, Phase, Pipeline, Status};

use crate::error::{Error, ErrorKind, Result};

/// A running or ended pipeline.
pub(crate) struct Job {
    text: String,
    control: Control,
    thread: Option<JoinHandle<Result<Ending>>>,
    /// How it ended, once that is known.
    ended: Option<Result<Ending, (ErrorKind, String)>>,
}

impl Job {
    fn has_ended(&self) -> bool {
        let phase = self.control.status().phase;
        matches!(phase, Phase::Ended(_) | Phase::Failed(_))
    }
}

/// What is known of a job.
#[derive(Debug, Clone)]
pub struct JobInfo {
    /// Its name.
    pub name: String,
    /// The statement.
    pub text: String,
    /// Its figures.
    pub status: Status,
}

/// The jobs of a process, by name.
#[derive(Default)]
pub(crate) struct Jobs(Mutex<BTreeMap<String, Job>>);

impl Jobs {
    /// A name for a job: `wanted`, or the first of `wanted-2`, `wanted-3`, … that no running job of this process has.
    pub(crate) fn free_name(&self, wanted: &str) -> String {
        let jobs = self.lock();
        let mut name = wanted.to_owned();
        let mut n = 2;
        while jobs.get(&name).is_some_and(|job| !job.has_ended()) {
            name = format!("{wanted}-{n}");
            n += 1;
        }
        name
    }

    /// The running job of a statement.
    pub(crate) fn running(&self, text: &str) -> Option<String> {
        let jobs = self.lock();
        let same = |(_, job): &(&String, &Job)| job.text == text && !job.has_ended();
        jobs.iter().find(same).map(|(name, _)| name.clone())
    }

    /// Whether there is a job of this name.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.lock().contains_key(name)
    }

    /// Runs an opened pipeline on a thread.
    pub(crate) fn spawn(&self, name: &str, text: &str, mut pipeline: Pipeline) -> Result<()> {
        let control = pipeline.control().clone();
        let thread = std::thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(move || Ok(pipeline.run()?))
            .map_err(|e| {
                Error::new(
                    ErrorKind::Unavailable,
                    format!("no thread for job '{name}': {e}"),
                )
            })?;
        let job = Job {
            text: text.to_owned(),
            control,
            thread: Some(thread),
            ended: None,
        };
        self.lock().insert(name.to_owned(), job);
        Ok(())
    }

    /// All jobs.
    pub(crate) fn list(&self) -> Vec<JobInfo> {
        let jobs = self.lock();
        jobs.iter()
            .map(|(name, job)| JobInfo {
                name: name.clone(),
                text: job.text.clone(),
                status: job.control.status(),
            })
            .collect()
    }

    /// Asks a job to stop and waits until it has.
    pub(crate) fn stop(&self, name: &str) -> Result<()> {
        let thread = {
            let mut jobs = self.lock();
            let job = jobs.get_mut(name).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("job '{name}' is not running"))
            })?;
            job.control.stop();
            job.thread.take()
        };
        let ended = thread.map(join);
        self.lock().remove(name);
        ended.map_or(Ok(()), |e| e.map(drop))
    }

    /// Asks a job to stop.
    pub(crate) fn ask_to_stop(&self, name: &str) {
        if let Some(job) = self.lock().get(name) {
            job.control.stop();
        }
    }

    /// Asks all jobs to stop.
    pub(crate) fn ask_all_to_stop(&self) {
        self.lock().values().for_each(|job| job.control.stop());
    }

    /// Waits until all jobs have ended; the first error that one ended with.
    pub(crate) fn wait(&self) -> Result<()> {
        let names: Vec<String> = self.lock().keys().cloned().collect();
        names.iter().try_for_each(|name| self.wait_for(name))
    }

    /// Waits until a job has ended; the error that it ended with.
    pub(crate) fn wait_for(&self, name: &str) -> Result<()> {
        let thread = self.lock().get_mut(name).and_then(|job| job.thread.take());
        if let Some(thread) = thread {
            let ended = join(thread).map_err(|e| (e.kind(), e.to_string()));
            if let Some(job) = self.lock().get_mut(name) {
                job.ended = Some(ended);
            }
        }
        match self.lock().get(name).and_then(|job| job.ended.clone()) {
            Some(Err((kind, message))) => Err(Error::new(kind, message)),
            _ => Ok(()),
        }
    }

    /// Whether every job has ended or failed.
    pub(crate) fn all_ended(&self) -> bool {
        self.lock().values().all(Job::has_ended)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Job>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn join(thread: JoinHandle<Result<Ending>>) -> Result<Ending> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a pipeline panicked")))
}
