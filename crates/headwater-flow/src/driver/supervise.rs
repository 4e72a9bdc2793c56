//! A pipeline that fails because something is unavailable (a full disk, a sink that is away) is opened again, as after
//! a crash: what was committed stays, what was not is done again. One whose output the log has no room for is held back
//! until there is some, and saves its state first: perhaps the room is that which it keeps.

use std::sync::Arc;
use std::time::Duration;

use headwater_log::Clock;

use super::control::{Control, Phase};
use super::pipeline::Pipeline;
use super::retry::Retry;
use super::schedule::Ending;
use crate::error::{Error, ErrorKind, Result};

/// How long a pipeline is held back without room, milliseconds: for ever.
const HELD_MS_MAX: i64 = i64::MAX / 2;

/// Runs `pipeline` to its end; whenever it fails with what may pass, goes on with the one that `reopen` opens under the
/// same [`Control`], for at most `patience_ms` without an epoch in between; for any time if the log has reached its limit.
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
    let log = pipeline.log.clone();
    let (mut retry, mut held) = (Retry::default(), Retry::default());
    let mut opened = Ok(pipeline);
    let ended = loop {
        let before = control.status().epochs;
        let error = match opened.and_then(|mut pipeline| pipeline.run()) {
            Ok(ending) => break Ok(ending),
            Err(error) => error,
        };
        if control.status().epochs > before {
            (retry, held) = (Retry::default(), Retry::default());
        }
        let now = clock.now().0;
        let again = match error.kind() {
            ErrorKind::QuotaExceeded => held.failed(now, HELD_MS_MAX),
            kind if kind.is_retriable() => retry.failed(now, patience_ms),
            _ => None,
        };
        let Some(again) = again.filter(|_| !control.is_stopped()) else {
            break Err(error);
        };
        let wait = |until: &dyn Fn() -> bool| wait(&control, &error, again, clock, until);
        opened = match error.kind() {
            ErrorKind::QuotaExceeded => {
                let saved = reopen().and_then(|mut pipeline| pipeline.save().map(|()| pipeline));
                wait(&|| log.wait_for_room(Duration::ZERO));
                control.update(|s| (s.phase, s.trouble) = (Phase::Running, None));
                saved
            }
            _ => {
                wait(&|| false);
                reopen()
            }
        };
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

/// Waits until it is time to try again, or nothing is in the way any more, or a stop is asked for.
fn wait(
    control: &Control,
    error: &Error,
    at: i64,
    clock: &Arc<dyn Clock>,
    is_free: &dyn Fn() -> bool,
) {
    control.update(|s| {
        s.phase = Phase::Recovering;
        s.trouble = Some(error.to_string());
    });
    loop {
        let left = at - clock.now().0;
        if left <= 0 || control.is_stopped() || is_free() {
            return;
        }
        control
            .signal()
            .wait(Some(Duration::from_millis(left as u64)));
    }
}
