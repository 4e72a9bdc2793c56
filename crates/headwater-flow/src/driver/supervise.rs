//! A pipeline that fails because something is unavailable (a full disk, a sink that is away) is opened again, as after
//! a crash: what was committed stays, what was not is done again.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::Clock;

use super::control::{Control, Phase};
use super::pipeline::Pipeline;
use super::retry::Retry;
use super::schedule::Ending;
use crate::error::{Error, Result};

/// Runs `pipeline` to its end; whenever it fails with what may pass, goes on with the one that `reopen` opens under the
/// same [`Control`], for at most `patience_ms` without an epoch in between.
///
/// # Errors
/// What ends the pipeline for good.
pub fn supervise(
    pipeline: Pipeline,
    clock: &Arc<dyn Clock>,
    patience_ms: i64,
    mut reopen: impl FnMut() -> Result<Pipeline>,
) -> Result<Ending> {
    let control = pipeline.control().clone();
    let mut retry = Retry::default();
    let mut opened = Ok(pipeline);
    let ended = loop {
        let before = control.status().epochs;
        let error = match opened.and_then(|mut pipeline| pipeline.run()) {
            Ok(ending) => break Ok(ending),
            Err(error) => error,
        };
        if control.status().epochs > before {
            retry.succeeded();
        }
        let now = clock.now().0;
        let again = error
            .kind()
            .is_retriable()
            .then(|| retry.failed(now, patience_ms))
            .flatten();
        let Some(again) = again.filter(|_| !control.is_stopped()) else {
            break Err(error);
        };
        wait(&control, &error, again - now, clock);
        opened = reopen();
    };
    control.update(|s| {
        s.trouble = None;
        s.phase = match &ended {
            Ok(ending) => Phase::Ended(*ending),
            Err(error) => Phase::Failed(error.to_string()),
        };
    });
    ended
}

/// Waits until it is time to try again, or a stop is asked for.
fn wait(control: &Control, error: &Error, wait_ms: i64, clock: &Arc<dyn Clock>) {
    control.update(|s| {
        s.phase = Phase::Recovering;
        s.trouble = Some(error.to_string());
    });
    let until = clock.now().0 + wait_ms;
    loop {
        let left = until - clock.now().0;
        if left <= 0 || control.is_stopped() {
            return;
        }
        control
            .signal()
            .wait(Some(Duration::from_millis(left as u64)));
    }
}
