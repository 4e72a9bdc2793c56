//! The open data directory, and which part of the host answers what.

use std::path::Path;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use headwater::{Headwater, JobInfo, Options, Phase, SystemClock};
use headwater_log::Log;

use super::{consume, produce, run, sql, topics};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Progress, Replies, Reply, Request};

/// How often it is looked whether pipelines have caught up.
const NAP: Duration = Duration::from_millis(5);
/// How long the first question waits for views to take in what came while nobody had the directory open.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(5);

/// An open data directory, or memory.
pub(crate) struct Host {
    headwater: Headwater,
    resumed: Once,
}

impl Host {
    /// Opens a directory, or makes one.
    pub(crate) fn open(dir: &Path, options: Options) -> Outcome<Self> {
        Ok(Self::over(Headwater::open_with(dir, options)?))
    }

    /// Opens memory.
    pub(crate) fn memory(options: Options) -> Outcome<Self> {
        let log = Log::memory(Arc::new(SystemClock));
        Ok(Self::over(Headwater::over(
            log,
            Arc::new(SystemClock),
            options,
        )?))
    }

    fn over(headwater: Headwater) -> Self {
        Self {
            headwater,
            resumed: Once::new(),
        }
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        self.headwater.log()
    }

    /// Starts the materialised views when somebody speaks SQL for the first time, and lets them take in what came
    /// while nobody had the directory open.
    fn resume(&self, replies: Replies<'_>) -> Outcome {
        let mut outcome = Ok(());
        self.resumed.call_once(|| {
            outcome = self.headwater.resume_views().map_err(Failure::from);
            if outcome.is_ok() && !self.headwater.jobs().is_empty() {
                outcome = self.wait_for_views(replies);
            }
        });
        outcome
    }

    fn wait_for_views(&self, replies: Replies<'_>) -> Outcome {
        let started = Instant::now();
        let goal = self.log().last_commit().0;
        while !self.has_caught_up(goal)? {
            if started.elapsed() > CATCH_UP_TIME_MAX {
                return replies(Reply::Note("views are still catching up".to_owned()));
            }
            replies(Reply::Idle(Progress::default()))?;
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Waits until the pipelines have taken in everything that is durable now; ends early if one has failed or
    /// Ctrl-C asks for it.
    pub(crate) fn catch_up(&self) -> Outcome {
        let goal = self.log().last_commit().0;
        while !self.has_caught_up(goal)? && !interrupt::is_asked() {
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Whether every pipeline has taken in what was durable at a commit.
    fn has_caught_up(&self, goal: u64) -> Outcome<bool> {
        let jobs = self.headwater.jobs();
        if let Some((name, why)) = jobs.iter().find_map(|j| match &j.status.phase {
            Phase::Failed(why) => Some((&j.name, why)),
            _ => None,
        }) {
            return Err(Failure::failed(format!("job '{name}' failed: {why}")));
        }
        let is_there =
            |j: &JobInfo| j.status.caught_up >= goal || matches!(j.status.phase, Phase::Ended(_));
        Ok(jobs.iter().all(is_there))
    }

    /// Epochs that the pipelines of this process have committed.
    pub(crate) fn epochs(&self) -> u64 {
        self.headwater.jobs().iter().map(|j| j.status.epochs).sum()
    }

    /// Ends the pipelines at an epoch and closes the log.
    pub(crate) fn close(&self) -> Outcome {
        self.headwater.close().map_err(Into::into)
    }

    /// Answers a request.
    pub(crate) fn answer(&self, request: Request, replies: Replies<'_>) -> Outcome {
        let log = self.log();
        match request {
            Request::Sql { text, waits } => {
                self.resume(replies)?;
                sql::run(&self.headwater, &text, waits, replies)
            }
            Request::Run { file, text } => run::run(&self.headwater, &file, &text, replies),
            Request::Names => sql::names(&self.headwater, replies),
            Request::TopicList { internal } => topics::list(log, internal, replies),
            Request::TopicCreate { topic, config } => topics::create(log, &topic, config, replies),
            Request::TopicDescribe { topic } => topics::describe(log, &topic, replies),
            Request::TopicDelete { topic } => topics::delete(log, &topic, replies),
            Request::Produce { topic, records } => produce::append(log, &topic, records, replies),
            Request::Consume {
                topic,
                partitions,
                span,
                num,
            } => {
                let wanted = consume::Wanted {
                    topic,
                    partitions,
                    span,
                    num,
                };
                consume::read(log, &wanted, replies)
            }
        }
    }
}
