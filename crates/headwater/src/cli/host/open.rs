//! The open data directory, and which part of the host answers what.

use std::path::Path;
use std::sync::Arc;

use headwater::SystemClock;
use headwater_log::Log;

use super::{consume, produce, topics};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::{Replies, Request};

/// An open data directory.
pub(crate) struct Host {
    log: Log,
}

impl Host {
    /// Opens a directory, or makes one.
    pub(crate) fn open(dir: &Path) -> Outcome<Self> {
        let log = Log::open_dir(
            dir,
            Arc::new(SystemClock),
            headwater_log::Options::default(),
        )?;
        Ok(Self { log })
    }

    /// The log.
    pub(crate) fn log(&self) -> &Log {
        &self.log
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
        self.log.close().map_err(Into::into)
    }

    /// Answers a request.
    pub(crate) fn answer(&self, request: Request, replies: Replies<'_>) -> Outcome {
        match request {
            Request::Sql { .. } | Request::Names => {
                Err(Failure::failed("this build does not run SQL yet"))
            }
            Request::TopicList { internal } => topics::list(&self.log, internal, replies),
            Request::TopicCreate { topic, config } => {
                topics::create(&self.log, &topic, config, replies)
            }
            Request::TopicDescribe { topic } => topics::describe(&self.log, &topic, replies),
            Request::TopicDelete { topic } => topics::delete(&self.log, &topic, replies),
            Request::Produce {
                topic,
                partition,
                records,
            } => produce::append(&self.log, &topic, partition, records, replies),
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
                consume::read(&self.log, &wanted, replies)
            }
        }
    }
}
