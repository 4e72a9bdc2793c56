//! The pipelines of a process: each on a thread of its own, asked and stopped by name.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use headwater_flow::driver::{Control, Ending, Phase, Pipeline, Status};

use crate::error::{Error, ErrorKind, Result};

/// A running or ended pipeline.
struct Running {
    text: String,
    /// `None`: it could not be started.
    control: Option<Control>,
    thread: Option<JoinHandle<Result<Ending>>>,
    /// How it ended, once that is known.
    ended: Option<Result<Ending, (ErrorKind, String)>>,
}

impl Running {
    fn status(&self) -> Status {
        let Some(control) = &self.control else {
            let mut status = Status::default();
            if let Some(Err((_, why))) = &self.ended {
                status.phase = Phase::Failed(why.clone());
            }
            return status;
        };
        control.status()
    }

    fn stop(&self) {
        if let Some(control) = &self.control {
            control.stop();
        }
    }
}

/// What is known of a job or materialised view.
#[derive(Debug, Clone)]
pub struct JobInfo {
    /// Its name.
    pub name: String,
    /// The statement.
    pub text: String,
    /// Its figures in this process; `None`: it does not run here.
    pub status: Option<Status>,
    /// It waits to be resumed.
    pub is_suspended: bool,
}

/// The pipelines of a process, by name.
#[derive(Default)]
pub(crate) struct Jobs {
    running: Mutex<BTreeMap<String, Running>>,
    /// Held by who starts, stops or drops one.
    turn: Mutex<()>,
}

impl Jobs {
    /// Waits until nobody else starts, stops or drops a pipeline.
    pub(crate) fn turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a job runs, or, if that counts, has finished; one that has ended otherwise is forgotten.
    pub(crate) fn is_live(&self, name: &str, if_finished: bool) -> bool {
        let mut running = self.lock();
        let Some(job) = running.get(name) else {
            return false;
        };
        let is_live = match job.status().phase {
            Phase::Recovering | Phase::Running => true,
            Phase::Ended(Ending::Finished) => if_finished,
            Phase::Ended(Ending::Stopped) | Phase::Failed(_) => false,
        };
        if !is_live {
            running.remove(name);
        }
        is_live
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
        let job = Running {
            text: text.to_owned(),
            control: Some(control),
            thread: Some(thread),
            ended: None,
        };
        self.lock().insert(name.to_owned(), job);
        Ok(())
    }

    /// Notes that a job could not be started.
    pub(crate) fn note_failed(&self, name: &str, text: &str, error: &Error) {
        let job = Running {
            text: text.to_owned(),
            control: None,
            thread: None,
            ended: Some(Err((error.kind(), error.to_string()))),
        };
        self.lock().insert(name.to_owned(), job);
    }

    /// The pipelines of this process.
    pub(crate) fn list(&self) -> Vec<JobInfo> {
        let running = self.lock();
        let infos = running.iter().map(|(name, job)| JobInfo {
            name: name.clone(),
            text: job.text.clone(),
            status: Some(job.status()),
            is_suspended: false,
        });
        infos.collect()
    }

    /// Asks a job to stop, waits until it has, and forgets it, however it ended.
    pub(crate) fn remove(&self, name: &str) {
        let removed = self.lock().remove(name);
        if let Some(mut job) = removed {
            job.stop();
            job.thread.take().map(JoinHandle::join);
        }
    }

    /// Asks a job to stop.
    pub(crate) fn ask_to_stop(&self, name: &str) {
        if let Some(job) = self.lock().get(name) {
            job.stop();
        }
    }

    /// Asks all jobs to stop.
    pub(crate) fn ask_all_to_stop(&self) {
        self.lock().values().for_each(Running::stop);
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
        let is_over =
            |job: &Running| matches!(job.status().phase, Phase::Ended(_) | Phase::Failed(_));
        self.lock().values().all(is_over)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn join(thread: JoinHandle<Result<Ending>>) -> Result<Ending> {
    thread
        .join()
        .unwrap_or_else(|_| Err(Error::new(ErrorKind::Bug, "a pipeline panicked")))
}
