//! An open data directory.

use std::path::Path;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use headwater_connect::{CdcConnector, PrintTarget};
use headwater_flow::connector::Registry;
use headwater_flow::driver::Limits;
use headwater_log::{Clock, Log};
use headwater_sql::Session;
use headwater_sql::catalogue::Catalogue;

use super::jobs::Jobs;
use crate::clock::SystemClock;
use crate::error::{Error, ErrorKind, Result};

/// Time between snapshots, milliseconds.
const SNAPSHOT_INTERVAL_MS: i64 = 10_000;

/// How a [`Headwater`] works.
///
/// ```no_run
/// let options = headwater::Options {
///     threads: 2,
///     ..headwater::Options::default()
/// };
/// let hw = headwater::Headwater::open_with("data", options)?;
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads of the engine; 0: as many as there are cores.
    pub threads: usize,
    /// Where the connector `print` writes.
    pub print: PrintTarget,
    /// A `CREATE` of exactly what is there is no conflict: files are run again over what they created.
    pub repeats: bool,
    /// The bounds of the log.
    pub log: headwater_log::Options,
    /// How long who produces waits for room when the log has reached its limit, before it is refused.
    pub producer_wait: Duration,
}

impl Default for Options {
    /// All cores, `print` to standard output, no limit of bytes; producers wait for ten seconds.
    fn default() -> Self {
        Self {
            threads: 0,
            print: PrintTarget::new(std::io::stdout()),
            repeats: false,
            log: headwater_log::Options::default(),
            producer_wait: Duration::from_secs(10),
        }
    }
}

/// A data directory, or memory, that this process has open. Cheap to clone; clones are the same, but for what they
/// print to.
///
/// ```
/// let hw = headwater::Headwater::memory()?;
/// hw.sql("CREATE TABLE flights (origin STRING, delay INT)")?;
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Clone)]
pub struct Headwater(pub(crate) Arc<Inner>, pub(crate) Registry);

/// How pipelines are run.
#[derive(Debug, Clone)]
pub(crate) struct Running {
    /// Whether the log outlives the process, so that pipelines record their epochs.
    pub(crate) durable: bool,
    /// Whether whoever owns this turns the pipelines; if not, each has a thread.
    pub(crate) by_hand: bool,
    /// Shards of new pipelines; `None`: by the number of threads.
    pub(crate) shards: Option<usize>,
    /// Bounds of steps and epochs.
    pub(crate) limits: Limits,
    /// Time between snapshots, milliseconds.
    pub(crate) snapshot_interval_ms: i64,
}

/// An epoch takes no more than one in so many bytes of the log's limit, a poll no more than one in so many of an epoch.
const EPOCH_SHARE: u64 = 64;
const POLL_SHARE: usize = 8;

/// Bounds of epochs that leave room for others below the limit of the log.
fn fitted(limits: Limits, disk_bytes_max: Option<u64>) -> Limits {
    let Some(max) = disk_bytes_max else {
        return limits;
    };
    let bytes = usize::try_from(max / EPOCH_SHARE).unwrap_or(usize::MAX);
    Limits {
        epoch_bytes: limits.epoch_bytes.min(bytes),
        step_bytes: limits.step_bytes.min(bytes),
        chunk_bytes: limits.chunk_bytes.min(bytes / POLL_SHARE),
        ..limits
    }
}

impl Running {
    /// On threads of their own; `durable`: the log outlives the process.
    pub(super) fn on_threads(durable: bool) -> Self {
        Self {
            durable,
            by_hand: false,
            shards: None,
            limits: Limits::default(),
            snapshot_interval_ms: SNAPSHOT_INTERVAL_MS,
        }
    }
}

/// What all clones share.
pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) catalogue: Catalogue,
    pub(crate) options: Options,
    pub(crate) running: Running,
    /// The worker threads that all pipelines share; `None`: one, the pipeline's own.
    pub(crate) pool: Option<Arc<rayon::ThreadPool>>,
    pub(crate) jobs: Jobs,
    /// The captures that run, of tables of SQL and others.
    pub(crate) captures: headwater_cdc::Running<headwater_cdc::Capture>,
    /// The newest commit of rows or records that this process was given.
    pub(crate) written: AtomicU64,
    /// What `system.sagas` has read.
    pub(crate) journals: crate::system::Journals,
    /// Where event stores are that are no topics.
    #[cfg(feature = "postgres")]
    pub(crate) elsewhere: crate::system::Elsewhere,
    session: Mutex<Session>,
}

impl std::fmt::Debug for Headwater {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Headwater").finish_non_exhaustive()
    }
}

impl Headwater {
    /// Opens a data directory, or makes one.
    ///
    /// # Errors
    /// `Conflict` or `Unavailable` if another process has it open, `Corrupt`.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        Self::open_with(dir, Options::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    /// As [`open`](Self::open).
    pub fn open_with(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let log = Log::open_dir(dir.as_ref(), Arc::clone(&clock), options.log.clone())?;
        Self::assemble(log, clock, options, Running::on_threads(true))
    }

    /// A Headwater that keeps nothing.
    ///
    /// # Errors
    /// None today.
    pub fn memory() -> Result<Self> {
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        Self::over(Log::memory(Arc::clone(&clock)), clock, Options::default())
    }

    /// A Headwater over a log and a clock of the caller's, for tests that move time.
    ///
    /// # Errors
    /// `Corrupt` if the catalogue cannot be read.
    pub fn over(log: Log, clock: Arc<dyn Clock>, options: Options) -> Result<Self> {
        Self::assemble(log, clock, options, Running::on_threads(false))
    }

    pub(crate) fn assemble(
        log: Log,
        clock: Arc<dyn Clock>,
        options: Options,
        mut running: Running,
    ) -> Result<Self> {
        running.limits = fitted(running.limits, log.disk_bytes_max());
        let mut registry = Registry::default();
        headwater_connect::register_all(&mut registry, options.print.clone());
        // Registered once, since its captures are shared by all that read.
        let environment = |name: &str| std::env::var(name).ok();
        let captures = headwater_cdc::Running::default();
        for connector in [
            CdcConnector::postgres(environment),
            CdcConnector::mysql(environment),
        ] {
            let connector = connector.told_to(&captures);
            let connector = match running.durable {
                true => connector,
                false => connector.temporary(),
            };
            registry.register(Arc::new(connector));
        }
        let catalogue = Catalogue::open(&log).map_err(|e| Error::sql(&e, ""))?;
        let pool = pool(options.threads)?;
        let session = Session::new(catalogue.clone(), registry.clone());
        let session = session.with_clock(Arc::clone(&clock));
        let session = Mutex::new(session.with_system_tables(crate::system::definitions()));
        let inner = Inner {
            log,
            captures,
            jobs: Jobs::new(running.by_hand, Arc::clone(&clock)),
            clock,
            catalogue,
            options,
            written: AtomicU64::new(0),
            running,
            pool,
            journals: Default::default(),
            #[cfg(feature = "postgres")]
            elsewhere: Default::default(),
            session,
        };
        let headwater = Self(Arc::new(inner), registry);
        headwater.clear_dropped()?;
        Ok(headwater)
    }

    /// The same, but pipelines that are started through it print to `target`.
    #[must_use]
    pub fn printing_to(&self, target: PrintTarget) -> Self {
        let mut registry = self.1.clone();
        headwater_connect::register_all(&mut registry, target);
        Self(Arc::clone(&self.0), registry)
    }

    /// The log, for what this interface does not offer.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The captures of databases that run, of tables of SQL and those that were added.
    pub fn captures(&self) -> &headwater_cdc::Running<headwater_cdc::Capture> {
        &self.0.captures
    }

    /// The tables and views, with the names of their columns.
    pub fn names(&self) -> Vec<(String, Vec<String>)> {
        let objects = self.0.catalogue.objects();
        let columns = |o: &headwater_sql::catalogue::Object| match &o.table {
            Some(table) => {
                let columns = table.schema();
                columns.fields().iter().map(|f| f.name().clone()).collect()
            }
            None => o.columns.clone(),
        };
        objects
            .iter()
            .map(|o| (o.name.clone(), columns(o)))
            .collect()
    }

    /// The session in which [`sql`](Self::sql) runs its statements.
    pub(crate) fn session(&self) -> MutexGuard<'_, Session> {
        self.0
            .session
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the pipelines at an epoch and closes the log.
    ///
    /// # Errors
    /// `Closed` if the log was poisoned.
    pub fn close(&self) -> Result<()> {
        self.0.jobs.ask_all_to_stop();
        let ended = self.0.jobs.wait();
        self.0.log.close()?;
        ended
    }

    /// Waits until all jobs have ended by themselves: with the end of their inputs, or an error.
    ///
    /// # Errors
    /// The first error that a job ended with.
    pub fn wait(&self) -> Result<()> {
        self.0.jobs.wait()
    }

    /// Waits until a job has ended.
    ///
    /// # Errors
    /// The error that it ended with.
    pub fn wait_for(&self, job: &str) -> Result<()> {
        self.0.jobs.wait_for(job)
    }

    /// Asks a job to end at its next epoch; [`wait_for`](Self::wait_for) waits for that. It goes on when it is started
    /// again.
    pub fn stop_job(&self, job: &str) {
        self.0.jobs.ask_to_stop(job);
    }

    /// Whether all jobs have ended.
    pub fn is_done(&self) -> bool {
        self.0.jobs.all_ended()
    }

    /// Asks all jobs to end at their next epoch; [`wait`](Self::wait) waits for that.
    pub fn stop(&self) {
        self.0.jobs.ask_all_to_stop();
    }
}

/// The threads of all pipelines: `threads`, or as many as there are cores.
fn pool(threads: usize) -> Result<Option<Arc<rayon::ThreadPool>>> {
    let threads = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        n => n,
    };
    if threads == 1 {
        return Ok(None);
    }
    let builder = rayon::ThreadPoolBuilder::new().num_threads(threads);
    let pool = builder.thread_name(|i| format!("worker-{i}")).build();
    let failed = |e| Error::new(ErrorKind::Unavailable, format!("no worker threads: {e}"));
    pool.map(|p| Some(Arc::new(p))).map_err(failed)
}
