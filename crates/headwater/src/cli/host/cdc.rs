//! `cdc run` of tables.

use std::sync::Arc;
use std::time::Duration;

use headwater_cdc::{Capture, Finding, Phase, Running, Settings, Status};
use headwater_log::Log;

use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Progress, Replies, Reply};

/// How often it is looked how far a capture is.
const NAP: Duration = Duration::from_millis(20);

/// A capture that runs, of `cdc run` or of a table of SQL.
///
/// # Errors
/// If none of that name does.
pub(super) fn find(running: &Running<Capture>, name: &str) -> Outcome<Arc<Capture>> {
    running.find(name).ok_or_else(|| {
        Failure::failed(format!("capture '{name}' does not run")).with_hint(
            "`headwater cdc run` starts one, or a job that reads a table of SQL; `headwater cdc status` has the names",
        )
    })
}

/// Captures until whoever asked has had enough, or with `once` until everything that is committed now is there.
pub(super) fn run(
    log: &Log,
    running: &Running<Capture>,
    settings: Settings,
    once: bool,
    replies: Replies<'_>,
) -> Outcome {
    let capture = Arc::new(Capture::start(log, settings.clone())?);
    running.add(settings.name(), &capture);
    let end = once.then(|| settings.log_end()).transpose()?;
    let mut told = Told::default();
    loop {
        if let Some(error) = capture.failure() {
            return Err(error.into());
        }
        told.tell(&settings, &capture.status(), replies)?;
        let is_over = match &end {
            Some(end) => capture.has_reached(end)?,
            None => capture.status().phase == Phase::Over,
        };
        if is_over || interrupt::is_asked() {
            let status = capture.status();
            let place = status
                .durable
                .map_or_else(String::new, |d| format!(", up to {d}"));
            return replies(Reply::Note(format!(
                "{} transactions with {} changes were taken over{place}",
                status.transactions, status.changes
            )));
        }
        replies(Reply::Idle(Progress::default()))?;
        std::thread::sleep(NAP);
    }
}

/// What was said already.
#[derive(Debug, Default)]
struct Told {
    phase: Phase,
    done: Vec<String>,
    has_warned: bool,
}

impl Told {
    fn tell(&mut self, settings: &Settings, status: &Status, replies: Replies<'_>) -> Outcome {
        if status.phase != self.phase {
            self.phase = status.phase.clone();
            match &status.phase {
                Phase::Waiting(why) => replies(Reply::Note(format!("{why}; trying again")))?,
                Phase::Streaming => {
                    replies(Reply::Note("following the database".to_owned()))?;
                    if !std::mem::replace(&mut self.has_warned, true) {
                        warn(settings, replies)?;
                    }
                }
                _ => {}
            }
        }
        for table in status.tables.iter().filter(|t| t.is_done) {
            let name = table.name.clone();
            if !self.done.contains(&name) {
                replies(Reply::Note(format!("{name} is in topic '{}'", table.topic)))?;
                self.done.push(name);
            }
        }
        Ok(())
    }
}

/// What will make trouble some day, which the capture goes on in spite of.
fn warn(settings: &Settings, replies: Replies<'_>) -> Outcome {
    let warnings = match settings.warnings() {
        Ok(found) => found,
        Err(error) => {
            let text = format!("the server was not looked at for what may make trouble: {error}");
            return replies(Reply::Note(text));
        }
    };
    warnings
        .into_iter()
        .try_for_each(|Finding { what, mend, .. }| {
            replies(Reply::Note(format!("warning: {what}\n  hint: {mend}")))
        })
}
