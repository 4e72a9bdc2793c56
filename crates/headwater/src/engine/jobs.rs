//! The pipelines of a process, started from planned statements, asked and stopped by name: each on a thread of its own,
//! or all turned by hand.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use headwater_flow::driver::{Control, Ending, Phase, Pipeline, Status};

use crate::error::{Error, ErrorKind, Result};

/// A running or ended pipeline.
pub(crate) struct Job {
    text: String,
    control: Control,
    /// Who runs it; `None`: it has ended.
    runner: Option<Runner>,
    /// How it ended, once that is known.
    ended: Option<Result<Ending, (ErrorKind, String)>>,
}

impl Job {
    fn has_ended(&self) -> bool {
        let phase = self.control.status().phase;
        matches!(phase, Phase::Ended(_) | Phase::Failed(_))
    }
}

/// Who runs a pipeline.
enum Runner {
    Thread(JoinHandle<Result<Ending>>),
    /// Whoever calls [`Jobs::by_hand`].
    Hand(Box<Pipeline>),
}

impl Runner {
    fn new(by_hand: bool, name: &str, mut pipeline: Pipeline) -> Result<Self> {
        if by_hand {
            return Ok(Self::Hand(Box::new(pipeline)));
        }
        std::thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(move || Ok(pipeline.run()?))
            .map(Self::Thread)
            .map_err(|e| {
                let text = format!("no thread for job '{name}': {e}");
                Error::new(ErrorKind::Unavailable, text)
            })
    }

    /// Waits until the pipeline has ended.
    fn join(self) -> Result<Ending> {
        match self {
            Self::Thread(thread) => thread
                .join()
                .unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a pipeline panicked"))),
            Self::Hand(mut pipeline) => Ok(pipeline.run()?),
        }
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
pub(crate) struct Jobs {
    by_hand: bool,
    jobs: Mutex<BTreeMap<String, Job>>,
}

impl Jobs {
    /// No jobs; those to come run on threads, or are turned by hand.
    pub(crate) fn new(by_hand: bool) -> Self {
        Self {
            by_hand,
            jobs: Mutex::default(),
        }
    }

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

    /// Runs an opened pipeline.
    pub(crate) fn begin(&self, name: &str, text: &str, pipeline: Pipeline) -> Result<()> {
        let job = Job {
            text: text.to_owned(),
            control: pipeline.control().clone(),
            runner: Some(Runner::new(self.by_hand, name, pipeline)?),
            ended: None,
        };
        self.lock().insert(name.to_owned(), job);
        Ok(())
    }

    /// Does something with a pipeline that is turned by hand; `None`: there is none, or it has ended.
    ///
    /// # Errors
    /// Those of `act`, after which the pipeline has failed.
    pub(crate) fn by_hand<T>(
        &self,
        name: &str,
        act: impl FnOnce(&mut Pipeline) -> headwater_flow::Result<T>,
    ) -> Result<Option<T>> {
        let mut jobs = self.lock();
        let Some(job) = jobs.get_mut(name) else {
            return Ok(None);
        };
        let Some(Runner::Hand(pipeline)) = &mut job.runner else {
            return Ok(None);
        };
        let done = act(pipeline).map_err(Error::from);
        let ended = match (&done, job.control.status().phase) {
            (Err(e), _) => Err((e.kind(), e.to_string())),
            (_, Phase::Ended(ending)) => Ok(ending),
            _ => return done.map(Some),
        };
        (job.runner, job.ended) = (None, Some(ended));
        done.map(Some)
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
        let runner = {
            let mut jobs = self.lock();
            let job = jobs.get_mut(name).ok_or_else(|| {
                Error::new(ErrorKind::NotFound, format!("job '{name}' is not running"))
            })?;
            job.control.stop();
            job.runner.take()
        };
        let ended = runner.map(Runner::join);
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
        let runner = self.lock().get_mut(name).and_then(|job| job.runner.take());
        if let Some(runner) = runner {
            let ended = runner.join().map_err(|e| (e.kind(), e.to_string()));
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
        self.jobs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
