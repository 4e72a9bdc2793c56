//! [`TestDriver`].

use std::collections::BTreeMap;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arrow::array::RecordBatch;
use headwater_connect::PrintTarget;
use headwater_flow::driver::{Action, Pipeline, Status, Succeeded};
use headwater_log::simulation::FaultyDisk;
use headwater_log::{
    Clock, Commit, Disk, Log, ManualClock, Offset, Receipt, Record, TopicPartition, partition_of,
};

use super::options::TestOptions;
use super::output::rows_as_json;
use super::record::TestRecord;
use crate::engine::{Answer, Answers, Headwater};
use crate::error::{Error, ErrorKind, Result};

/// Pipelines under test.
///
/// Everything stands still between calls. [`run`](Self::run) lets all pipelines work until nothing is left to do;
/// [`epoch`](Self::epoch) lets one of them make one epoch of what is there. [`advance`](Self::advance) moves the
/// clock, which idle partitions, processing-time windows and snapshots go by. [`restart`](Self::restart) cuts the
/// power: what is not durable is gone, and the statements are run again over what is.
///
/// ```
/// use headwater::testkit::TestDriver;
///
/// let mut test = TestDriver::new(
///     "CREATE TABLE clicks (page STRING, at TIMESTAMP(3), WATERMARK FOR at AS at - INTERVAL '5' SECOND);
///      CREATE TABLE per_minute (page STRING, minute TIMESTAMP(3), clicks BIGINT);
///      INSERT INTO per_minute SELECT page, window_start, COUNT(*)
///      FROM TABLE(TUMBLE(TABLE clicks, DESCRIPTOR(at), INTERVAL '1' MINUTE)) GROUP BY page, window_start, window_end;",
/// )?;
/// test.pipe("clicks", [
///     r#"{"page": "/", "at": "2024-01-01 10:00:00"}"#,
///     r#"{"page": "/", "at": "2024-01-01 10:00:59"}"#,
///     r#"{"page": "/", "at": "2024-01-01 10:01:05"}"#,
/// ])?;
/// test.run()?;
/// let out = test.read("per_minute")?;
/// assert_eq!(out[0].text(), r#"{"page":"/","minute":"2024-01-01 10:00:00","clicks":2}"#);
///
/// test.pipe("clicks", [r#"{"page": "/", "at": "2024-01-01 10:00:30"}"#])?;
/// test.run()?;
/// assert_eq!(test.late("per_minute")?.len(), 1);
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Debug)]
pub struct TestDriver {
    pub(super) headwater: Headwater,
    disk: FaultyDisk,
    clock: Arc<ManualClock>,
    /// What tables with `'connector' = 'print'` have printed.
    printed: Arc<Mutex<Vec<u8>>>,
    /// The statements that every start runs.
    statements: String,
    /// By topic and partition the offset that is read next.
    pub(super) read: BTreeMap<(String, u32), Offset>,
}

impl TestDriver {
    /// Runs statements over an empty log, and again after each restart, as `headwater run FILE -s DIR` does.
    ///
    /// # Errors
    /// As [`Headwater::sql`].
    pub fn new(statements: &str) -> Result<Self> {
        Self::with_options(statements, &TestOptions::default())
    }

    /// As [`new`](Self::new), with options.
    ///
    /// # Errors
    /// As [`Headwater::sql`].
    pub fn with_options(statements: &str, options: &TestOptions) -> Result<Self> {
        let disk = FaultyDisk::new(options.seed);
        let clock = Arc::new(ManualClock::new(options.now));
        let printed = Arc::default();
        let headwater = open(&disk, &clock, &printed, options)?;
        headwater.sql(statements)?;
        Ok(Self {
            headwater,
            disk,
            clock,
            printed,
            statements: statements.to_owned(),
            read: BTreeMap::new(),
        })
    }

    /// Runs statements once.
    ///
    /// # Errors
    /// As [`Headwater::sql`].
    pub fn sql(&mut self, statements: &str) -> Result<Answers> {
        self.headwater.sql(statements)
    }

    /// The rows of a SELECT, over what is durable.
    ///
    /// # Errors
    /// As [`Headwater::sql`]; `Invalid` if the statement gives no rows.
    pub fn query(&mut self, select: &str) -> Result<Vec<RecordBatch>> {
        match self.headwater.sql(select)?.pop() {
            Some(Answer::Rows(rows)) => Ok(rows.batches),
            _ => Err(Error::new(ErrorKind::Invalid, "not a SELECT")),
        }
    }

    /// The rows of a SELECT as JSON objects.
    ///
    /// # Errors
    /// As [`query`](Self::query).
    pub fn query_json(&mut self, select: &str) -> Result<Vec<serde_json::Value>> {
        let batches = self.query(select)?;
        let rows: Result<Vec<_>> = batches.iter().map(rows_as_json).collect();
        Ok(rows?.concat())
    }

    /// Puts records into a topic, in one commit: each into its partition, else that of its key, else the first.
    ///
    /// # Errors
    /// As [`Headwater::produce`].
    pub fn pipe<R: Into<TestRecord>>(
        &mut self,
        topic: &str,
        records: impl IntoIterator<Item = R>,
    ) -> Result<Receipt> {
        let partitions = self.partitions(topic)?;
        let mut by_partition: BTreeMap<u32, Vec<Record>> = BTreeMap::new();
        for record in records {
            let TestRecord { partition, record } = record.into();
            let of_key = || record.key.as_ref().map(|k| partition_of(k, partitions));
            let to = partition.or_else(of_key).unwrap_or(0);
            by_partition.entry(to).or_default().push(record);
        }
        let commit = by_partition
            .into_iter()
            .fold(Commit::new(), |commit, (to, records)| {
                commit.append(TopicPartition::new(topic, to), records)
            });
        Ok(self.log().commit(commit)?)
    }

    /// Writes rows into a table as `INSERT INTO` would: encoded by its format, in the order of its columns.
    ///
    /// # Errors
    /// `NotFound` if there is no such table; `Invalid` if the columns do not fit.
    pub fn pipe_rows(&mut self, table: &str, rows: RecordBatch) -> Result<()> {
        self.headwater.write_rows(table, rows)
    }

    /// Lets all pipelines work until nothing is left to do at this time of the clock.
    ///
    /// # Errors
    /// The first error that a pipeline fails with.
    pub fn run(&mut self) -> Result<()> {
        loop {
            let mut progress = false;
            for job in self.jobs() {
                progress |= self.drain(&job)?;
            }
            if !progress {
                return Ok(());
            }
        }
    }

    /// Turns one pipeline until it waits or ends; says whether it made an epoch.
    fn drain(&mut self, job: &str) -> Result<bool> {
        let mut progress = false;
        self.by_hand(job, |pipeline| {
            pipeline.wake();
            loop {
                match pipeline.turn()? {
                    Action::Wait(_) | Action::End(_) => return Ok(()),
                    Action::Finish => progress = true,
                    Action::Poll { .. } | Action::Discover { .. } | Action::Step => {}
                }
            }
        })?;
        Ok(progress)
    }

    /// Lets one pipeline make one epoch of what is there, committed when this returns, and gives its number; `None` if
    /// nothing is left to do.
    ///
    /// # Errors
    /// What the pipeline fails with.
    pub fn epoch(&mut self, job: &str) -> Result<Option<u64>> {
        let epoch = self.unsettled_epoch(job)?;
        self.by_hand(job, |pipeline| pipeline.settle())?;
        Ok(epoch)
    }

    /// As [`epoch`](Self::epoch), but the epoch's commit is only on its way: a power cut now loses it.
    ///
    /// # Errors
    /// What the pipeline fails with.
    pub fn unsettled_epoch(&mut self, job: &str) -> Result<Option<u64>> {
        let finished = self.by_hand(job, |pipeline| {
            pipeline.wake();
            loop {
                match pipeline.turn()? {
                    Action::Wait(_) | Action::End(_) => return Ok(None),
                    Action::Finish => return Ok(Some(pipeline.epoch())),
                    Action::Poll { .. } | Action::Discover { .. } | Action::Step => {}
                }
            }
        })?;
        Ok(finished.flatten())
    }

    fn by_hand<T>(
        &mut self,
        job: &str,
        act: impl FnOnce(&mut Pipeline) -> headwater_flow::Result<T>,
    ) -> Result<Option<T>> {
        self.headwater.0.jobs.by_hand(job, act)
    }

    /// Moves the clock forward and lets all pipelines do what is due then. What was due on the way is done late, as
    /// by a process that slept: move in smaller steps where that matters.
    ///
    /// # Errors
    /// As [`run`](Self::run).
    pub fn advance(&mut self, by: Duration) -> Result<()> {
        self.clock
            .advance(i64::try_from(by.as_millis()).unwrap_or(i64::MAX));
        self.run()
    }

    /// The clock, for moving it without running anything.
    pub fn clock(&self) -> &ManualClock {
        &self.clock
    }

    /// The disk, for faults.
    pub fn disk(&self) -> &FaultyDisk {
        &self.disk
    }

    /// Cuts the power and starts again on what is durable: pipelines in memory, unsynced writes and temporary objects are
    /// gone; the statements that the driver was made with are run again, and the views of the catalogue go on.
    ///
    /// # Errors
    /// As [`new`](Self::new); `Corrupt` if the state cannot be restored.
    pub fn restart(&mut self, options: &TestOptions) -> Result<()> {
        // The image is taken first: what is dropped writes its last words to the old disk.
        self.disk = self.disk.crash();
        self.start(options)
    }

    /// Stops all pipelines after a last commit and a snapshot, and starts again.
    ///
    /// # Errors
    /// As [`restart`](Self::restart).
    pub fn stop_and_restart(&mut self, options: &TestOptions) -> Result<()> {
        self.headwater.close()?;
        self.disk = self.disk.crash();
        self.start(options)
    }

    fn start(&mut self, options: &TestOptions) -> Result<()> {
        self.headwater = open(&self.disk, &self.clock, &self.printed, options)?;
        self.headwater.sql(&self.statements)?;
        self.headwater.resume()
    }

    /// What tables with `'connector' = 'print'` have printed since the last call: `+I[…]` for a row that came, `-D[…]`
    /// for one that went.
    pub fn printed(&mut self) -> String {
        let mut printed = self.printed.lock().unwrap_or_else(PoisonError::into_inner);
        String::from_utf8_lossy(&std::mem::take(&mut *printed)).into_owned()
    }

    /// The rows of a materialised view, from its pipeline's memory.
    ///
    /// # Errors
    /// `NotFound` if it does not run.
    pub fn view(&mut self, name: &str) -> Result<Vec<RecordBatch>> {
        let content = self.by_hand(name, |pipeline| pipeline.view(0))?;
        let missing = || Error::new(ErrorKind::NotFound, format!("view '{name}' does not run"));
        Ok(content.ok_or_else(missing)?.rows)
    }

    /// Builds a materialised view anew: see [`Headwater::rebuild_view`].
    ///
    /// # Errors
    /// As there.
    pub fn rebuild_view(&mut self, name: &str) -> Result<Succeeded> {
        self.headwater.rebuild_view(name)
    }

    /// The names of the jobs.
    pub fn jobs(&self) -> Vec<String> {
        self.headwater.jobs().into_iter().map(|j| j.name).collect()
    }

    /// The figures of a job.
    ///
    /// # Errors
    /// `NotFound`.
    pub fn status(&self, job: &str) -> Result<Status> {
        let found = self.headwater.jobs().into_iter().find(|j| j.name == job);
        let missing = || Error::new(ErrorKind::NotFound, format!("there is no job '{job}'"));
        found.and_then(|j| j.status).ok_or_else(missing)
    }

    /// The log, for what this interface does not offer.
    pub fn log(&self) -> &Log {
        self.headwater.log()
    }

    pub(super) fn partitions(&self, topic: &str) -> Result<u32> {
        let missing = || {
            let text = format!("topic '{topic}' does not exist");
            Error::new(ErrorKind::NotFound, text)
        };
        let known = self.log().topic(topic).ok_or_else(missing)?;
        Ok(known.config.partitions)
    }
}

fn open(
    disk: &FaultyDisk,
    clock: &Arc<ManualClock>,
    printed: &Arc<Mutex<Vec<u8>>>,
    options: &TestOptions,
) -> Result<Headwater> {
    let print = PrintTarget::shared(Arc::clone(printed) as Arc<Mutex<dyn Write + Send>>);
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let clock: Arc<dyn Clock> = Arc::clone(clock) as Arc<dyn Clock>;
    let log = Log::open(disk, Arc::clone(&clock), TestOptions::log())?;
    Headwater::assemble(log, clock, options.engine(print), options.running())
}
