//! The open data directory, and which part of the host answers what.

use std::path::Path;
use std::time::Duration;

use headwater::{Headwater, JobInfo, Options, Phase};
use headwater_log::Log;

use super::{consume, produce, sql, topics};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Replies, Request};

/// How often it is looked whether pipelines have caught up.
const NAP: Duration = Duration::from_millis(5);

/// An open data directory.
pub(crate) struct Host {
    headwater: Headwater,
}

impl Host {
    /// Opens a directory, or makes one.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let options = Options {
            repeats: true,
            ..Options::default()
        };
        let headwater = Headwater::open_with(dir, options)?;
        headwater.resume_views()?;
        Ok(Self::over(headwater))
    }

    /// Serves what is open already.
    pub(crate) fn over(headwater: Headwater) -> Self {
        Self { headwater }
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        self.headwater.log()
    }

    /// Waits until the pipelines have taken in everything that is durable now; ends early if one has failed or
    /// Ctrl-C asks for it.
    pub(crate) fn catch_up(&self) -> Outcome {
        let goal = self.log().last_commit().0;
        loop {
            let jobs = self.headwater.jobs();
            if let Some((name, why)) = jobs.iter().find_map(|j| match &j.status.phase {
                Phase::Failed(why) => Some((&j.name, why)),
                _ => None,
            }) {
                return Err(Failure::failed(format!("job '{name}' failed: {why}")));
            }
            let is_there = |j: &JobInfo| {
                j.status.caught_up >= goal || matches!(j.status.phase, Phase::Ended(_))
            };
            if jobs.iter().all(is_there) || interrupt::is_asked() {
                return Ok(());
            }
            std::thread::sleep(NAP);
        }
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
            Request::Sql { text } => sql::run(&self.headwater, &text, replies),
            Request::Names => sql::names(&self.headwater, replies),
            Request::TopicList { internal } => topics::list(log, internal, replies),
            Request::TopicCreate { topic, config } => topics::create(log, &topic, config, replies),
            Request::TopicDescribe { topic } => topics::describe(log, &topic, replies),
            Request::TopicDelete { topic } => topics::delete(log, &topic, replies),
            Request::Produce {
                topic,
                partition,
                records,
            } => produce::append(log, &topic, partition, records, replies),
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
