//! The open data directory, and which part of the host answers what.

use std::path::Path;
use std::sync::{Arc, Once};
use std::time::{Duration, Instant};

use headwater::{Headwater, JobInfo, Options, Phase, SystemClock};
use headwater_log::Log;

use super::{cdc, cdc_status, consume, events, outbox, produce, run, sql, topics};
use crate::cli::cdc as config;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Replies, Reply, Request};

/// How often it is looked whether pipelines have caught up.
const NAP: Duration = Duration::from_millis(5);
/// How long the first question waits for views to take in what came while nobody had the directory open.
const CATCH_UP_TIME_MAX: Duration = Duration::from_secs(5);

/// An open data directory, or memory.
pub(crate) struct Host {
    headwater: Headwater,
    resumed: Once,
    outboxes: outbox::RunningOutboxes,
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

    /// Opens memory, with event stores in the schemas of a PostgreSQL database.
    pub(crate) fn on_postgres(address: &str) -> Outcome<Self> {
        let host = Self::memory(Options::default())?;
        host.headwater.use_postgres(address)?;
        Ok(host)
    }

    fn over(headwater: Headwater) -> Self {
        Self {
            headwater,
            resumed: Once::new(),
            outboxes: outbox::RunningOutboxes::default(),
        }
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        self.headwater.log()
    }

    /// Starts the materialised views and jobs when somebody speaks SQL for the first time, and lets them take in what
    /// came while nobody had the directory open. One that does not run keeps nobody from speaking: it may be what
    /// mends it.
    fn resume(&self, replies: Replies<'_>) -> Outcome {
        let mut outcome = Ok(());
        self.resumed.call_once(|| {
            if let Err(error) = self.headwater.resume() {
                let text = format!("warning: a job does not run: {}", error.message());
                outcome = replies(Reply::Note(text));
            }
            let runs = self.headwater.jobs().iter().any(|j| j.status.is_some());
            if outcome.is_ok() && runs {
                outcome = self.wait_for_jobs(replies);
            }
        });
        outcome
    }

    fn wait_for_jobs(&self, replies: Replies<'_>) -> Outcome {
        let started = Instant::now();
        let goal = self.log().last_commit().0;
        while !self.has_caught_up(goal) {
            if started.elapsed() > CATCH_UP_TIME_MAX {
                return replies(Reply::Note("jobs are still catching up".to_owned()));
            }
            std::thread::sleep(NAP);
        }
        Ok(())
    }

    /// Waits until the pipelines have taken in everything that is durable now; ends early if one has failed or
    /// Ctrl-C asks for it.
    pub(crate) fn catch_up(&self) -> Outcome {
        let goal = self.log().last_commit().0;
        loop {
            let jobs = self.headwater.jobs();
            let failed = jobs.iter().find_map(|j| match &j.status.as_ref()?.phase {
                Phase::Failed(why) => Some((&j.name, why)),
                _ => None,
            });
            if let Some((name, why)) = failed {
                return Err(Failure::failed(format!("job '{name}' failed: {why}")));
            }
            if self.has_caught_up(goal) || interrupt::is_asked() {
                return Ok(());
            }
            std::thread::sleep(NAP);
        }
    }

    /// Whether every pipeline that runs has taken in what was durable at a commit.
    fn has_caught_up(&self, goal: u64) -> bool {
        let is_there = |j: &JobInfo| {
            let Some(status) = &j.status else { return true };
            let is_over = matches!(status.phase, Phase::Ended(_) | Phase::Failed(_));
            status.caught_up >= goal || is_over
        };
        self.headwater.jobs().iter().all(is_there)
    }

    /// Epochs that the pipelines of this process have committed.
    pub(crate) fn epochs(&self) -> u64 {
        let jobs = self.headwater.jobs();
        let statuses = jobs.iter().filter_map(|j| j.status.as_ref());
        statuses.map(|s| s.epochs).sum()
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
            Request::Events(request) => events::answer(&self.headwater, request, replies),
            Request::CdcRun { config, once } => {
                let config = config::ours(&config)?;
                match config::outbox(&config)? {
                    Some(settings) => outbox::run(log, &self.outboxes, settings, once, replies),
                    None => {
                        let settings = config::settings(&config)?;
                        cdc::run(log, self.headwater.captures(), settings, once, replies)
                    }
                }
            }
            Request::CdcSnapshot {
                capture,
                table,
                filter,
            } => {
                self.resume(replies)?;
                let capture = cdc::find(self.headwater.captures(), &capture)?;
                Ok(capture.snapshot(&table, filter.as_deref())?)
            }
            Request::CdcPause { capture, is_paused } => {
                self.resume(replies)?;
                let capture = cdc::find(self.headwater.captures(), &capture)?;
                match is_paused {
                    true => capture.pause(),
                    false => capture.resume(),
                }
                Ok(())
            }
            Request::CdcStatus => {
                cdc_status::status(log, self.headwater.captures(), &self.outboxes, replies)
            }
            Request::Names => sql::names(&self.headwater, replies),
            Request::TopicList { internal } => topics::list(log, internal, replies),
            Request::TopicCreate { topic, config } => topics::create(log, &topic, config, replies),
            Request::TopicDescribe { topic } => topics::describe(log, &topic, replies),
            Request::TopicDelete { topic } => topics::delete(log, &topic, replies),
            Request::Produce { topic, records } => {
                produce::append(&self.headwater, &topic, records, replies)
            }
            Request::Consume {
                topic,
                partitions,
                span,
                num,
            } => {
                self.headwater.make_kept_topic(&topic)?;
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
