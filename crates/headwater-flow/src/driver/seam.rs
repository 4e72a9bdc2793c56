//! Where the driver touches the machine: a thread that writes snapshots, and stop-watches for figures. Nothing that a
//! pipeline does depends on either.

use std::thread::JoinHandle;
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result};

/// Starts a stop-watch.
#[expect(clippy::disallowed_methods, reason = "for figures only")]
pub(super) fn stop_watch() -> Instant {
    Instant::now()
}

/// Runs work on a thread of its own.
///
/// # Errors
/// `Unavailable` if the machine has none left.
#[expect(clippy::disallowed_methods, reason = "this is the seam")]
pub(super) fn spawn<T: Send + 'static>(
    name: &str,
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>> {
    let thread = std::thread::Builder::new().name(name.to_owned());
    thread.spawn(work).map_err(|e| {
        Error::new(ErrorKind::Unavailable, format!("no thread for a {name}")).with_source(e)
    })
}
