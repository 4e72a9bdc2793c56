//! `cdc run` and `cdc status`.

use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use headwater_cdc::{Capture, Finding, Phase, Settings, Status, TableStatus, stored};
use headwater_log::Log;

use super::printed_rows::send;
use crate::cli::cdc::{ours, outbox, settings};
use crate::cli::exit::{Failure, Outcome};
use crate::cli::interrupt;
use crate::cli::request::{Progress, Replies, Reply};

/// How often it is looked how far a capture is.
const NAP: Duration = Duration::from_millis(20);

/// The captures that run in this process, by name.
#[derive(Debug, Default)]
pub(super) struct Running(Mutex<Vec<(String, Weak<Capture>)>>);

impl Running {
    fn add(&self, name: &str, capture: &Arc<Capture>) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|(known, capture)| known != name && capture.strong_count() > 0);
        all.push((name.to_owned(), Arc::downgrade(capture)));
    }

    fn find(&self, name: &str) -> Option<Arc<Capture>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().find(|(known, _)| known == name)?.1.upgrade()
    }

    fn status(&self, name: &str) -> Option<Status> {
        self.find(name).map(|capture| capture.status())
    }

    /// A capture that runs.
    ///
    /// # Errors
    /// If none of that name does.
    pub(super) fn get(&self, name: &str) -> Outcome<Arc<Capture>> {
        self.find(name).ok_or_else(|| {
            Failure::failed(format!("capture '{name}' does not run")).with_hint(
                "`headwater cdc run` starts one; its name is the slot or `name` of its file",
            )
        })
    }
}

/// Captures until whoever asked has had enough, or with `once` until everything that is committed now is there.
pub(super) fn run(
    log: &Log,
    running: &Running,
    config: &str,
    once: bool,
    replies: Replies<'_>,
) -> Outcome {
    let config = &ours(config)?;
    if let Some(settings) = outbox(config)? {
        return super::outbox::run(log, settings, once, replies);
    }
    let settings = settings(config)?;
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
            None => false,
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

/// How far each table of each capture is.
pub(super) fn status(log: &Log, running: &Running, replies: Replies<'_>) -> Outcome {
    let mut rows = Rows::default();
    for capture in stored(log)? {
        let live = running.status(&capture.name);
        for table in &capture.tables {
            rows.captures.push(capture.name.clone());
            rows.databases.push(capture.database.clone());
            rows.tables.push(table.name.clone());
            let part = match (table.is_done, table.size) {
                (true, _) => 100.0,
                (false, 0) => 0.0,
                (false, all) => 100.0 * table.read as f64 / all as f64,
            };
            rows.parts.push((part * 10.0).round() / 10.0);
            rows.positions
                .push(capture.end.as_ref().map(ToString::to_string));
            rows.running.push(live.as_ref().is_some_and(is_running));
            rows.paused.push(live.as_ref().map(|s| s.is_paused));
            let of_table = |s: &Status| row_of(s, &table.name).map(|t| t.rows as i64);
            rows.read.push(live.as_ref().and_then(of_table));
            let lag = |s: &Status| {
                let (end, durable) = (s.server_end.as_ref()?, s.durable.as_ref()?);
                end.bytes_since(durable).map(|bytes| bytes as i64)
            };
            let live = live.as_ref().filter(|s| is_running(s));
            let table = live.and_then(|s| row_of(s, &table.name));
            let rate = table.and_then(TableStatus::rows_per_second);
            rows.rates.push(rate.map(f64::round));
            let left = table.and_then(TableStatus::time_left);
            rows.left.push(left.map(|left| left.as_secs() as i64));
            rows.lags.push(live.and_then(lag));
            let late = live.and_then(Status::lag);
            rows.lag_ms.push(late.map(|lag| lag.as_millis() as i64));
            let held = live.and_then(|s| s.held);
            rows.held.push(held.map(|bytes| bytes as i64));
        }
    }
    let batch = rows
        .batch()
        .map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    send(&batch.schema(), [batch], replies)
}

fn is_running(status: &Status) -> bool {
    status.phase == Phase::Streaming
}

fn row_of<'a>(status: &'a Status, name: &str) -> Option<&'a TableStatus> {
    status.tables.iter().find(|t| t.name == name)
}

#[derive(Debug, Default)]
struct Rows {
    captures: Vec<String>,
    databases: Vec<String>,
    tables: Vec<String>,
    parts: Vec<f64>,
    positions: Vec<Option<String>>,
    running: Vec<bool>,
    paused: Vec<Option<bool>>,
    read: Vec<Option<i64>>,
    rates: Vec<Option<f64>>,
    left: Vec<Option<i64>>,
    lags: Vec<Option<i64>>,
    lag_ms: Vec<Option<i64>>,
    held: Vec<Option<i64>>,
}

impl Rows {
    fn batch(self) -> Result<RecordBatch, arrow::error::ArrowError> {
        let text = |texts: Vec<String>| Arc::new(StringArray::from(texts)) as ArrayRef;
        let whole = |numbers: Vec<Option<i64>>| Arc::new(Int64Array::from(numbers)) as ArrayRef;
        let rates: ArrayRef = Arc::new(Float64Array::from(self.rates));
        RecordBatch::try_from_iter_with_nullable([
            ("capture", text(self.captures), false),
            ("database", text(self.databases), false),
            ("table", text(self.tables), false),
            (
                "backfill_percent",
                Arc::new(Float64Array::from(self.parts)) as ArrayRef,
                false,
            ),
            (
                "position",
                Arc::new(StringArray::from(self.positions)) as ArrayRef,
                true,
            ),
            (
                "running",
                Arc::new(BooleanArray::from(self.running)) as ArrayRef,
                false,
            ),
            (
                "backfill_paused",
                Arc::new(BooleanArray::from(self.paused)) as ArrayRef,
                true,
            ),
            ("rows_read", whole(self.read), true),
            ("rows_per_second", rates, true),
            ("seconds_left", whole(self.left), true),
            ("lag_bytes", whole(self.lags), true),
            ("lag_ms", whole(self.lag_ms), true),
            ("held_bytes", whole(self.held), true),
        ])
    }
}
