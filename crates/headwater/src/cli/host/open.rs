//! The open data directory, and which part of the host answers what.

use std::path::Path;

use headwater::Headwater;
use headwater_log::Log;

use super::{consume, produce, sql, topics};
use crate::cli::exit::Outcome;
use crate::cli::request::{Replies, Request};

/// An open data directory.
pub(crate) struct Host {
    headwater: Headwater,
}

impl Host {
    /// Opens a directory, or makes one.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        Ok(Self::over(Headwater::open(dir)?))
    }

    /// Serves what is open already.
    pub(crate) fn over(headwater: Headwater) -> Self {
        Self { headwater }
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        self.headwater.log()
    }

    /// Waits until the pipelines have taken in everything that is durable now.
    pub(crate) fn catch_up(&self) -> Outcome {
        Ok(())
    }

    /// Epochs that the pipelines of this process have committed.
    pub(crate) fn epochs(&self) -> u64 {
        0
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
