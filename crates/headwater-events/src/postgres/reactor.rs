//! [`Reactor`]: where connections are looked after. Callers need no runtime of their own.

use tokio::runtime::{Builder, Handle, Runtime};

use super::failure::bug;
use crate::error::{Error, ErrorKind, Result};

/// Threads that look after connections; the work is done by the server.
const THREADS: usize = 2;

/// Where connections are looked after.
#[derive(Debug)]
pub(super) struct Reactor(Option<Runtime>);

impl Reactor {
    pub(super) fn start() -> Result<Self> {
        let runtime = Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("postgres")
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => Ok(Self(Some(runtime))),
            Err(error) => Err(
                Error::new(ErrorKind::Unavailable, "no threads for PostgreSQL").with_source(error),
            ),
        }
    }

    pub(super) fn handle(&self) -> Result<&Handle> {
        let runtime = self.0.as_ref().ok_or_else(|| bug("reactor is gone"))?;
        Ok(runtime.handle())
    }

    /// Does something there; whoever waits can be anywhere, and it is done although nobody waits any more.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        work: impl Future<Output = Result<T>> + Send + 'static,
    ) -> Result<T> {
        let done = self.handle()?.spawn(work).await;
        done.unwrap_or_else(|panic| Err(bug("a task of the store panicked").with_source(panic)))
    }
}

impl Drop for Reactor {
    fn drop(&mut self) {
        // Its threads may be those that drop it.
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}
