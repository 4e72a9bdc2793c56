//! Judges rows: which windows of a row are still open, and what is late. Pure.

use arrow::array::{Array, Int64Array};

use super::windows::{FixedWindows, PaneFinder, Run};
use crate::batch::ZBatch;
use crate::connector::LateRow;
use crate::error::Result;
use crate::time::Watermark;

/// By what rows are judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Judge {
    /// The operator's watermark before the epoch: what it closed stays closed.
    pub(crate) before: Watermark,
    /// Allowed lateness, microseconds.
    pub(crate) lateness: i64,
}

impl Judge {
    /// The watermark that row `i` is judged by: its own bound, or, for derived rows, that before the epoch.
    #[inline]
    pub(crate) fn bound(&self, bounds: Option<&Int64Array>, i: usize) -> Watermark {
        match bounds {
            Some(bounds) => Watermark(bounds.value(i)).max(self.before),
            None => self.before,
        }
    }
}

/// The rows of a batch that have an open window.
#[derive(Debug, Default)]
pub(super) struct Timely {
    /// Their indices; `None`: all rows.
    pub(super) rows: Option<Vec<u32>>,
    /// The open windows of each.
    pub(super) runs: Vec<Run>,
}

/// Finds the open windows of every row, and adds a [`LateRow`] for each row that missed some or has none.
pub(super) fn judge(
    windows: &FixedWindows,
    batch: &ZBatch,
    times: &Int64Array,
    judge: Judge,
    late: &mut Vec<LateRow>,
) -> Result<Timely> {
    let bounds = batch.track().map(|t| &t.bounds);
    let mut finder = PaneFinder::new(windows);
    let mut timely = Timely::default();
    timely.runs.reserve(times.len());
    let mut through = (Watermark::MIN, i64::MIN);
    for i in 0..times.len() {
        let run = (!times.is_null(i)).then(|| finder.run(times.value(i)));
        let Some(run) = run.flatten() else {
            let bound = judge.bound(bounds, i);
            let time = (!times.is_null(i)).then(|| times.value(i));
            late.push(late_row(batch, i, time, bound, Vec::new())?);
            timely.skip(i);
            continue;
        };
        let bound = judge.bound(bounds, i);
        if bound != through.0 {
            through = (bound, bound.closed_through(judge.lateness));
        }
        let open = windows.open(run, through.1);
        if open != run {
            let missed = windows.ends(run, i64::MIN, through.1);
            let missed = missed.map(|end| (windows.start(end), end)).collect();
            late.push(late_row(batch, i, Some(times.value(i)), bound, missed)?);
        }
        if open.is_empty() {
            timely.skip(i);
        } else {
            timely.keep(i, open);
        }
    }
    Ok(timely)
}

impl Timely {
    #[inline]
    fn keep(&mut self, i: usize, run: Run) {
        self.runs.push(run);
        if let Some(rows) = &mut self.rows {
            rows.push(i as u32);
        }
    }

    fn skip(&mut self, i: usize) {
        self.rows.get_or_insert_with(|| (0..i as u32).collect());
    }
}

/// A row that missed `windows`.
pub(crate) fn late_row(
    batch: &ZBatch,
    i: usize,
    event_time: Option<i64>,
    watermark: Watermark,
    windows: Vec<(i64, i64)>,
) -> Result<LateRow> {
    let origin = batch.origin(i);
    Ok(LateRow {
        origin,
        event_time,
        watermark: watermark.0,
        windows,
        row: match origin {
            Some(_) => None,
            None => Some(batch.json(i)?),
        },
    })
}
