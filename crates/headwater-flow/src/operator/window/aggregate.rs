//! Aggregates over tumbling, hopping and cumulating windows, by panes.

use std::sync::Arc;

use arrow::array::{RecordBatch, UInt32Array};

use super::changes::Changes;
use super::domain::{TimeDomain, WindowClock};
use super::groups::Groups;
use super::late::{Judge, Timely, judge};
use super::layout::Layout;
use super::panes::Panes;
use super::spec::WindowMode;
use super::windows::{FixedWindows, Run};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::AggregateSet;
use crate::operator::{EpochContext, Operator, Outbox};
use crate::state::{KeyCodec, StateVisitor};
use crate::time::{Watermark, to_micros};

/// How windows are emitted and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct FixedOptions {
    /// When windows are emitted.
    pub(crate) mode: WindowMode,
    /// By what they are closed.
    pub(crate) domain: TimeDomain,
    /// Allowed lateness, microseconds.
    pub(crate) lateness: i64,
}

/// One shard of an aggregate over fixed windows.
///
/// A group is a pane and a key; each row updates one group, and closing a window merges the groups of its panes. A row
/// that is late for some windows of its pane goes into a pane of its own that has only the others, so that what a
/// window contains does not depend on when its epoch ends. With [`WindowMode::Updating`] every window is a pane.
pub(crate) struct FixedAggregate {
    pub(super) windows: FixedWindows,
    pub(super) layout: Arc<Layout>,
    options: FixedOptions,
    pub(super) keys: KeyCodec,
    pub(super) panes: Panes,
    pub(super) groups: Groups,
    changes: Changes,
    clock: WindowClock,
}

impl FixedAggregate {
    /// An aggregate without rows.
    ///
    /// # Errors
    /// `Bug` if the layout does not fit, `Invalid` if a key has a type without equality.
    pub(crate) fn new(
        windows: FixedWindows,
        layout: Arc<Layout>,
        options: FixedOptions,
        aggregates: AggregateSet,
    ) -> Result<Self> {
        let keys = layout.key_codec()?;
        Ok(Self {
            windows,
            options,
            panes: Panes::new(keys.width()),
            keys,
            layout,
            groups: Groups::new(aggregates),
            changes: Changes::default(),
            clock: WindowClock::new(options.domain),
        })
    }

    /// The panes of the rows that have some: one each, or, with [`WindowMode::Updating`], one a window.
    fn spread(&self, timely: Timely, rows: ZBatch) -> Result<(Vec<Run>, ZBatch)> {
        if self.options.mode == WindowMode::OnClose || !self.windows.overlap() {
            let rows = match timely.rows {
                Some(indices) => rows.take(&UInt32Array::from(indices))?,
                None => rows,
            };
            return Ok((timely.runs, rows));
        }
        let (mut runs, mut indices) = (Vec::new(), Vec::new());
        for (i, run) in timely.runs.iter().enumerate() {
            let row = timely.rows.as_ref().map_or(i as u32, |rows| rows[i]);
            for end in self.windows.ends(*run, i64::MIN, i64::MAX) {
                runs.push(Run {
                    last: end,
                    first: end,
                });
                indices.push(row);
            }
        }
        Ok((runs, rows.take(&UInt32Array::from(indices))?))
    }

    /// Adds rows to their groups; `runs` has one entry a row.
    fn update(&mut self, runs: &[Run], rows: &ZBatch) -> Result<()> {
        let columns = self.layout.key_columns(rows.rows());
        let keys = self.keys.encode(&columns, runs.len())?;
        let slots = self.panes.intern(runs, &keys);
        self.groups.grow(self.panes.capacity());
        if self.options.mode == WindowMode::Updating {
            let groups = &self.groups;
            let touched = slots.iter().map(|s| (*s, groups.rows(*s) > 0));
            let old = self.changes.touch(touched).into_iter();
            let old: Vec<u32> = old.map(|place| slots[place]).collect();
            if !old.is_empty() {
                let old = self.output(&old)?;
                self.changes.keep_old(old);
            }
        }
        self.groups.update(&slots, rows)
    }

    /// The output rows of slots whose runs are single windows.
    pub(super) fn output(&self, slots: &[u32]) -> Result<RecordBatch> {
        let windows = slots.iter().map(|slot| {
            let end = self.panes.run(*slot).last;
            (self.windows.start(end), end)
        });
        let windows: Vec<_> = windows.collect();
        let keys = slots.iter().map(|slot| self.panes.key(*slot));
        let values = self.groups.evaluate(slots)?;
        self.layout.rows(&self.keys, &windows, keys, values)
    }

    fn emit_changes(&mut self, out: &mut Outbox) -> Result<()> {
        let mut dirty = self.changes.take_dirty();
        if dirty.is_empty() {
            return Ok(());
        }
        self.panes.sort(&mut dirty);
        let alive: Vec<bool> = dirty.iter().map(|s| self.groups.rows(*s) > 0).collect();
        let (mut living, mut empty) = (Vec::new(), Vec::new());
        for (slot, alive) in dirty.iter().zip(&alive) {
            if *alive {
                living.push(*slot);
            } else if self.groups.rows(*slot) == 0 {
                empty.push(*slot);
            }
        }
        let new = self.output(&living)?;
        out.rows.extend(self.changes.emit(&dirty, &alive, &new)?);
        self.panes.remove(&empty);
        self.groups.clear(&empty);
        Ok(())
    }

    pub(super) fn free(&mut self, run: Run) {
        let slots = self.panes.remove_run(run);
        self.groups.clear(&slots);
    }

    /// When the clock closes the next window.
    fn timer(&self, closed: Watermark) -> Option<i64> {
        let through = closed.closed_through(self.options.lateness);
        // No window of a later run ends before the last one of the first.
        let last = self.panes.first_last()?;
        let ends = self.panes.runs(last.saturating_add(self.windows.span()));
        let ends = ends.map(|run| self.windows.open(run, through).first);
        ends.min()
            .map(|end| end.saturating_add(self.options.lateness))
    }
}

impl Operator for FixedAggregate {
    fn push(
        &mut self,
        context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        let times = to_micros(rows.rows().column(self.layout.time))?;
        let times = self.clock.times(context, times);
        let by = Judge {
            before: self.clock.before(context),
            lateness: self.options.lateness,
        };
        let rows = match self.clock.is_processing() {
            true => rows.with_track(None)?,
            false => rows,
        };
        let timely = judge(&self.windows, &rows, &times, by, &mut out.late)?;
        let (runs, rows) = self.spread(timely, rows)?;
        if runs.is_empty() {
            return Ok(());
        }
        self.update(&runs, &rows)
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let lateness = self.options.lateness;
        let before = self.clock.before(context).closed_through(lateness);
        let after = self.clock.advance(context);
        let through = after.closed_through(lateness);
        match self.options.mode {
            WindowMode::OnClose => self.emit_closed(before, through, out)?,
            WindowMode::Updating => self.emit_changes(out)?,
        }
        let done: Vec<Run> = self.panes.runs(through).collect();
        for run in done {
            self.free(run);
        }
        if self.clock.is_processing() {
            out.timer = out.timer.into_iter().chain(self.timer(after)).min();
        }
        Ok(())
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        match input {
            Watermark::MIN | Watermark::MAX => input,
            Watermark(at) => Watermark(at.saturating_sub(self.options.lateness)),
        }
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        self.clock.visit_state(visitor)?;
        self.panes.visit_state(visitor)?;
        self.groups.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.changes = Changes::default();
        self.panes.restored()
    }
}
