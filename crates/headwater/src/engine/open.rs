//! An open data directory.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use headwater_connect::PrintTarget;
use headwater_flow::connector::Registry;
use headwater_log::{Clock, Log};
use headwater_sql::Session;
use headwater_sql::catalogue::Catalogue;

use crate::clock::SystemClock;
use crate::error::Result;

/// How a [`Headwater`] works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Worker threads of the engine; 0: as many as there are cores.
    pub threads: usize,
    /// Where the connector `print` writes.
    pub print: PrintTarget,
    /// The bounds of the log.
    pub log: headwater_log::Options,
}

impl Default for Options {
    /// All cores, and `print` to standard output.
    fn default() -> Self {
        Self {
            threads: 0,
            print: PrintTarget::new(std::io::stdout()),
            log: headwater_log::Options::default(),
        }
    }
}

/// A data directory, or memory, that this process has open. Cheap to clone; clones are the same.
///
/// ```
/// let hw = headwater::Headwater::memory()?;
/// hw.sql("CREATE TABLE flights (origin STRING, delay INT)")?;
/// # Ok::<(), headwater::Error>(())
/// ```
#[derive(Clone)]
pub struct Headwater(pub(crate) Arc<Inner>);

/// What all clones share.
pub(crate) struct Inner {
    pub(crate) log: Log,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) registry: Registry,
    pub(crate) catalogue: Catalogue,
    pub(crate) options: Options,
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
        Self::over(log, clock, options)
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
        let mut registry = Registry::default();
        headwater_connect::register_all(&mut registry, options.print.clone());
        let catalogue = Catalogue::in_memory();
        let session = Mutex::new(Session::new(catalogue.clone(), registry.clone()));
        Ok(Self(Arc::new(Inner {
            log,
            clock,
            registry,
            catalogue,
            options,
            session,
        })))
    }

    /// The log, for what this interface does not offer.
    pub fn log(&self) -> &Log {
        &self.0.log
    }

    /// The tables and views, with the names of their columns.
    pub fn names(&self) -> Vec<(String, Vec<String>)> {
        let objects = self.0.catalogue.objects();
        let columns = |o: &headwater_sql::catalogue::Object| match &o.table {
            Some(table) => table.columns.iter().map(|c| c.name.clone()).collect(),
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
        Ok(self.0.log.close()?)
    }
}
