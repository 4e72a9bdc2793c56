//! [`Owner`]: the threads of a log and its end.

use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::error::{Error, ErrorKind, Result};
use crate::shared::Shared;

/// Closes the log when the last handle goes.
#[derive(Debug)]
pub(crate) struct Owner {
    pub(super) shared: Arc<Shared>,
    threads: Mutex<Vec<JoinHandle<()>>>,
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
        if self.shared.queue.is_closed() {
            return Ok(());
        }
        let saved = self.shared.keeper.checkpoint(&self.shared);
        self.shared.shut();
        self.shared.keeper.stop();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        for thread in threads.drain(..) {
            if thread.join().is_err() {
                return Err(Error::new(ErrorKind::Bug, "a thread of the log panicked"));
            }
        }
        saved
    }

    pub(super) fn start(&self) -> Result<()> {
        let spawn = |name: &str, run: fn(&Shared)| {
            let shared = Arc::clone(&self.shared);
            std::thread::Builder::new()
                .name(name.to_owned())
                .spawn(move || run(&shared))
                .map_err(|e| {
                    Error::new(ErrorKind::Unavailable, "no thread for the log").with_source(e)
                })
        };
        let writer = spawn("log-writer", Shared::run_writer)?;
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        threads.push(writer);
        threads.push(spawn("log-keeper", |shared| shared.keeper.run(shared))?);
        Ok(())
    }
}
