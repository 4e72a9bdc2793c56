//! The pipelines of a process, asked and stopped by name: each on a thread of its own, or all turned by hand.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;

use headwater_flow::driver::{Control, Ending, Phase, Pipeline, Status, supervise};
use headwater_log::Clock;

use crate::error::{Error, ErrorKind, Result};

/// How long a pipeline goes on trying when nothing of it comes to an end: a full disk, a sink that is away. Milliseconds.
const PATIENCE_MS: i64 = 60_000;

/// Opens a pipeline anew that something was away for. One that keeps no journal would begin at the beginning: there is none
/// for it.
pub(super) type Reopen = Box<dyn FnMut() -> Result<Pipeline> + Send>;

/// What is known of a pipeline before it runs.
pub(super) struct NewJob<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// The statement.
    pub(super) text: &'a str,
    /// The topics that it reads.
    pub(super) reads: BTreeSet<String>,
    /// The topics that it writes.
    pub(super) writes: BTreeSet<String>,
}

/// A running or ended pipeline.
#[derive(Default)]
struct Running {
    text: String,
    reads: BTreeSet<String>,
    writes: BTreeSet<String>,
    /// `None`: it could not be started.
    control: Option<Control>,
    /// Who runs it; `None`: it has ended.
    runner: Option<Runner>,
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

/// Who runs a pipeline.
enum Runner {
    Thread(JoinHandle<Result<Ending>>),
    /// Whoever calls [`Jobs::by_hand`].
    Hand(Box<Pipeline>),
}

impl Runner {
    /// On a thread that opens the pipeline again, if it can be, whenever something is away for a while.
    fn on_thread(
        name: &str,
        mut pipeline: Pipeline,
        reopen: Option<Reopen>,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let run = move || match reopen {
            Some(mut reopen) => {
                let reopen = || reopen().map_err(Error::into_flow);
                Ok(supervise(pipeline, &clock, PATIENCE_MS, reopen)?)
            }
            None => Ok(pipeline.run()?),
        };
        std::thread::Builder::new()
            .name(name.chars().take(15).collect())
            .spawn(run)
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
pub(crate) struct Jobs {
    by_hand: bool,
    clock: Arc<dyn Clock>,
    running: Mutex<BTreeMap<String, Running>>,
    /// Held by who starts, stops or drops one.
    turn: Mutex<()>,
}

impl Jobs {
    /// No pipelines; those to come run on threads, or are turned by hand.
    pub(crate) fn new(by_hand: bool, clock: Arc<dyn Clock>) -> Self {
        Self {
            by_hand,
            clock,
            running: Mutex::default(),
            turn: Mutex::default(),
        }
    }

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

    /// Runs an opened pipeline.
    pub(super) fn begin(
        &self,
        new: NewJob<'_>,
        pipeline: Pipeline,
        reopen: Option<Reopen>,
    ) -> Result<()> {
        let control = pipeline.control().clone();
        let runner = match self.by_hand {
            true => Runner::Hand(Box::new(pipeline)),
            false => Runner::on_thread(new.name, pipeline, reopen, Arc::clone(&self.clock))?,
        };
        let job = Running {
            text: new.text.to_owned(),
            reads: new.reads,
            writes: new.writes,
            control: Some(control),
            runner: Some(runner),
            ended: None,
        };
        self.lock().insert(new.name.to_owned(), job);
        Ok(())
    }

    /// Shows a pipeline that somebody else runs, and has it stopped with the others, until it is [removed](Self::remove).
    ///
    /// # Errors
    /// `Conflict` if there is one of this name.
    pub(super) fn watch(&self, name: &str, text: &str, control: &Control) -> Result<()> {
        let mut running = self.lock();
        if running.contains_key(name) {
            let text = format!("'{name}' runs already");
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        let job = Running {
            text: text.to_owned(),
            control: Some(control.clone()),
            ..Running::default()
        };
        running.insert(name.to_owned(), job);
        Ok(())
    }

    /// The pipelines that `topics` come from, by whatever way.
    pub(super) fn upstream(&self, topics: BTreeSet<String>) -> Vec<Control> {
        let running = self.lock();
        let (mut wanted, mut found) = (topics, BTreeMap::new());
        loop {
            let before = found.len();
            for (name, job) in running.iter() {
                if !found.contains_key(name) && !job.writes.is_disjoint(&wanted) {
                    wanted.extend(job.reads.iter().cloned());
                    found.insert(name, job);
                }
            }
            if found.len() == before {
                break;
            }
        }
        let follow = found.into_values().filter(|job| !job.reads.is_empty());
        follow.filter_map(|job| job.control.clone()).collect()
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
        let ended = match (&done, job.status().phase) {
            (Err(e), _) => Err((e.kind(), e.to_string())),
            (_, Phase::Ended(ending)) => Ok(ending),
            _ => return done.map(Some),
        };
        (job.runner, job.ended) = (None, Some(ended));
        done.map(Some)
    }

    /// Notes that a job could not be started.
    pub(crate) fn note_failed(&self, name: &str, text: &str, error: &Error) {
        let job = Running {
            text: text.to_owned(),
            ended: Some(Err((error.kind(), error.to_string()))),
            ..Running::default()
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
            drop(job.runner.take().map(Runner::join));
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
        let is_over =
            |job: &Running| matches!(job.status().phase, Phase::Ended(_) | Phase::Failed(_));
        self.lock().values().all(is_over)
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
