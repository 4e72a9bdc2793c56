//! A log of its own and the capture of one table into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use headwater::SystemClock;
use headwater_cdc::postgres::{Settings, TableName};
use headwater_cdc::{Capture, Place};
use headwater_log::{Log, Options, TopicPartition};

use super::suite::Bench;
use crate::cli::exit::{Failure, Outcome};

/// How long anything may take.
const PATIENCE: Duration = Duration::from_secs(600);

/// The capture of one table, which is stopped and begun again.
pub(super) struct Capturing {
    pub(super) log: Log,
    settings: Settings,
    dir: PathBuf,
}

impl Capturing {
    /// Of a table of the schema `public`, by a slot of this name.
    pub(super) fn of(bench: &Bench<'_>, table: &str, name: &str, backfills: bool) -> Outcome<Self> {
        let dir = bench.dir.join(name);
        let log = Log::open_dir(&dir, Arc::new(SystemClock), Options::default())?;
        let settings = Settings::new(bench.address.clone(), name);
        Ok(Self {
            log,
            settings: Settings {
                backfills,
                publication: table.to_owned(),
                ..settings.table(TableName::new("public", table))
            },
            dir,
        })
    }

    /// Where the records are.
    pub(super) fn topic(&self) -> TopicPartition {
        let (_, topic) = &self.settings.tables[0];
        TopicPartition::new(topic.clone(), 0)
    }

    /// Begins.
    pub(super) fn start(&self) -> Outcome<Capture> {
        Ok(Capture::start(&self.log, self.settings.clone())?)
    }

    /// Begins, and waits until everything before `end` is durable; gives how long that took, and the capture.
    pub(super) fn reach(&self, end: &Place) -> Outcome<(Duration, Capture)> {
        let started = Instant::now();
        let capture = self.start()?;
        match capture.wait_for(end, PATIENCE)? {
            true => Ok((started.elapsed(), capture)),
            false => Err(Failure::failed(format!(
                "the capture takes too long: {:?}",
                capture.status()
            ))),
        }
    }

    /// How many records there are.
    pub(super) fn records(&self) -> Outcome<u64> {
        let bounds = self.log.bounds(&self.topic())?;
        Ok(bounds.end.0 - bounds.start.0)
    }

    /// Removes the slot and the log.
    pub(super) fn remove(self) -> Outcome {
        self.log.close()?;
        headwater_cdc::postgres::drop_slot(&self.settings.address, &self.settings.slot)?;
        Ok(std::fs::remove_dir_all(&self.dir)?)
    }
}
