//! [`Owner`]: the threads of a log and its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;
use crate::wal::file::SYNCS_MAX;

/// What a thread does.
type Run = fn(&Shared);

/// Closes the log when the last handle goes.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(super) shared: Arc<Shared>,
    threads: Mutex<Threads>,
}

/// The threads of a log, until it is closed.
#[derive(Debug, Default)]
struct Threads {
    /// Each with what ends it, in the order in which they end.
    run: Vec<(JoinHandle<()>, Run)>,
    is_closed: bool,
}

impl Drop for Owner {
    fn drop(&mut self) {
        if let Err(error) = self.close() {
            tracing::debug!(%error, "log closed without a last checkpoint");
        }
    }
}

impl Owner {
    pub(super) fn new(shared: Arc<Shared>) -> Self {
        Self {
            shared,
            threads: Mutex::default(),
        }
    }

    pub(super) fn close(&self) -> Result<()> {
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        if std::mem::replace(&mut threads.is_closed, true) {
            return Ok(());
        }
        let saved = self.shared.keeper.checkpoint(&self.shared);
        self.shared.shut();
        let mut ended = Ok(());
        // The writers end first: what they have in hand is still to be kept.
        for (thread, stop) in threads.run.drain(..) {
            stop(&self.shared);
            let panicked = |_| Error::new(ErrorKind::Bug, "a thread of the log panicked");
            ended = thread.join().map_err(panicked).and(ended);
        }
        ended.and(saved)
    }

    pub(super) fn start(&self) -> Result<()> {
        for _ in 0..SYNCS_MAX {
            self.spawn("log-writer", Shared::run_writer, |_| {})?;
        }
        let keep: Run = |shared| shared.keeper.run(shared);
        self.spawn("log-keeper", keep, |shared| shared.keeper.stop())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the seam")]
    fn spawn(&self, name: &str, run: Run, stop: Run) -> Result<()> {
        let shared = Arc::clone(&self.shared);
        let thread = std::thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || run(&shared))
            .map_err(|e| {
                Error::new(ErrorKind::Unavailable, "no thread for the log").with_source(e)
            })?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.run.push((thread, stop));
        Ok(())
    }
}
