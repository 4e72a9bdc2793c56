//! `cdc status`: how far each table of each capture is, and each outbox.

use std::sync::Arc;

use arrow::array::{ArrayRef, BooleanArray, Float64Array, Int64Array, RecordBatch, StringArray};
use headwater_cdc::outbox::{Outbox, StoredOutbox, stored_outboxes};
use headwater_cdc::{
    Capture, Phase, Running, Status, StoredCapture, StoredTable, TableStatus, stored,
};
use headwater_log::Log;

use super::printed_rows::send;
use crate::cli::exit::{Failure, Outcome};
use crate::cli::request::Replies;

/// How far each table of each capture is, and each outbox.
pub(super) fn status(
    log: &Log,
    captures: &Running<Capture>,
    outboxes: &Running<Outbox>,
    replies: Replies<'_>,
) -> Outcome {
    let mut lines = Vec::new();
    for capture in stored(log)? {
        let live = captures.find(&capture.name).map(|live| live.status());
        let tables = capture.tables.iter();
        lines.extend(tables.map(|table| Line::of_table(&capture, table, live.as_ref())));
    }
    for outbox in stored_outboxes(log)? {
        let live = outboxes.find(&outbox.name);
        lines.push(Line::of_outbox(outbox, live.as_deref()));
    }
    let batch = rows(lines).map_err(|e| Failure::failed(format!("cannot make rows: {e}")))?;
    send(&batch.schema(), [batch], replies)
}

/// What is said of a table or of an outbox.
#[derive(Debug, Default)]
struct Line {
    capture: String,
    database: String,
    table: String,
    backfill_percent: Option<f64>,
    position: Option<String>,
    is_running: bool,
    is_paused: Option<bool>,
    rows_read: Option<i64>,
    rows_per_second: Option<f64>,
    seconds_left: Option<i64>,
    lag_bytes: Option<i64>,
    lag_ms: Option<i64>,
    held_bytes: Option<i64>,
    published: Option<i64>,
    parked_keys: Option<i64>,
}

impl Line {
    fn of_table(capture: &StoredCapture, table: &StoredTable, live: Option<&Status>) -> Self {
        let part = match (table.is_done, table.size) {
            (true, _) => 100.0,
            (false, 0) => 0.0,
            (false, all) => 100.0 * table.read as f64 / all as f64,
        };
        let row = |status: &Status| -> Option<TableStatus> {
            let mut tables = status.tables.iter();
            tables.find(|t| t.name == table.name).cloned()
        };
        let line = Self {
            capture: capture.name.clone(),
            database: capture.database.clone(),
            table: table.name.clone(),
            backfill_percent: Some((part * 10.0).round() / 10.0),
            position: capture.end.as_ref().map(ToString::to_string),
            is_paused: live.map(|status| status.is_paused),
            rows_read: live.and_then(row).map(|t| t.rows as i64),
            ..Self::default()
        };
        let Some(live) = live.filter(|status| status.phase == Phase::Streaming) else {
            return line;
        };
        let lag = live.server_end.as_ref().zip(live.durable.as_ref());
        let lag = lag.and_then(|(end, durable)| end.bytes_since(durable));
        let rate = row(live).and_then(|t| t.rows_per_second());
        let left = row(live).and_then(|t| t.time_left());
        Self {
            is_running: true,
            rows_per_second: rate.map(f64::round),
            seconds_left: left.map(|left| left.as_secs() as i64),
            lag_bytes: lag.map(|bytes| bytes as i64),
            lag_ms: live.lag().map(|lag| lag.as_millis() as i64),
            held_bytes: live.held.map(|bytes| bytes as i64),
            ..line
        }
    }

    fn of_outbox(outbox: StoredOutbox, live: Option<&Outbox>) -> Self {
        let line = Self {
            capture: outbox.name,
            database: outbox.database,
            table: outbox.table,
            parked_keys: Some(outbox.parked_keys as i64),
            ..Self::default()
        };
        let Some(live) = live.map(Outbox::status) else {
            return line;
        };
        Self {
            is_running: live.is_following,
            lag_bytes: live.lag_bytes.map(|bytes| bytes as i64),
            lag_ms: live.lag().map(|lag| lag.as_millis() as i64),
            published: Some(live.events as i64),
            ..line
        }
    }
}

fn rows(lines: Vec<Line>) -> Result<RecordBatch, arrow::error::ArrowError> {
    let text = |of: fn(&Line) -> &str| -> ArrayRef {
        Arc::new(StringArray::from_iter_values(lines.iter().map(of)))
    };
    let whole = |of: fn(&Line) -> Option<i64>| -> ArrayRef {
        Arc::new(lines.iter().map(of).collect::<Int64Array>())
    };
    let number = |of: fn(&Line) -> Option<f64>| -> ArrayRef {
        Arc::new(lines.iter().map(of).collect::<Float64Array>())
    };
    let flag = |of: fn(&Line) -> Option<bool>| -> ArrayRef {
        Arc::new(lines.iter().map(of).collect::<BooleanArray>())
    };
    let positions: StringArray = lines.iter().map(|l| l.position.as_deref()).collect();
    RecordBatch::try_from_iter_with_nullable([
        ("capture", text(|l| &l.capture), false),
        ("database", text(|l| &l.database), false),
        ("table", text(|l| &l.table), false),
        ("backfill_percent", number(|l| l.backfill_percent), true),
        ("position", Arc::new(positions) as ArrayRef, true),
        ("running", flag(|l| Some(l.is_running)), false),
        ("backfill_paused", flag(|l| l.is_paused), true),
        ("rows_read", whole(|l| l.rows_read), true),
        ("rows_per_second", number(|l| l.rows_per_second), true),
        ("seconds_left", whole(|l| l.seconds_left), true),
        ("lag_bytes", whole(|l| l.lag_bytes), true),
        ("lag_ms", whole(|l| l.lag_ms), true),
        ("held_bytes", whole(|l| l.held_bytes), true),
        ("published", whole(|l| l.published), true),
        ("parked_keys", whole(|l| l.parked_keys), true),
    ])
}
