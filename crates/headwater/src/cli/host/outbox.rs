//! `cdc run` of an outbox.

use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::Running;
use headwater_cdc::outbox::{Outbox, OutboxSettings, OutboxStatus};
use headwater_log::Log;

use crate::cli::exit::Outcome;
use crate::cli::interrupt;
use crate::cli::request::{Progress, Replies, Reply};

/// How often it is looked how far it is.
const NAP: Duration = Duration::from_millis(20);

/// The outboxes that run in this process, by name.
pub(super) type RunningOutboxes = Running<Outbox>;

/// Takes events over until whoever asked has had enough, or with `once` until everything that is committed now is there.
pub(super) fn run(
    log: &Log,
    running: &RunningOutboxes,
    settings: OutboxSettings,
    once: bool,
    replies: Replies<'_>,
) -> Outcome {
    let errors = settings.errors_topic();
    let name = settings.name.clone();
    let outbox = Arc::new(Outbox::start(log, settings)?);
    running.add(&name, &outbox);
    let wish = once.then(|| outbox.wish());
    let mut told = OutboxStatus::default();
    loop {
        if let Some(error) = outbox.failure() {
            return Err(error.into());
        }
        let status = outbox.status();
        tell(&told, &status, &errors, replies)?;
        told = status;
        let is_over = match wish {
            Some(wish) => outbox.has_served(wish)?,
            None => false,
        };
        if is_over || interrupt::is_asked() {
            let status = outbox.status();
            tell(&told, &status, &errors, replies)?;
            return replies(Reply::Note(format!(
                "{} events were published",
                status.events
            )));
        }
        replies(Reply::Idle(Progress::default()))?;
        std::thread::sleep(NAP);
    }
}

/// What is new.
fn tell(before: &OutboxStatus, now: &OutboxStatus, errors: &str, replies: Replies<'_>) -> Outcome {
    if now.is_following && !before.is_following {
        replies(Reply::Note("following the outbox".to_owned()))?;
    }
    if let (Some(why), true) = (&now.waits_for, now.waits_for != before.waits_for) {
        replies(Reply::Note(format!("{why}; trying again")))?;
    }
    if now.kept > before.kept {
        let count = now.kept - before.kept;
        replies(Reply::Note(format!(
            "{count} events are kept in topic '{errors}'"
        )))?;
    }
    Ok(())
}
