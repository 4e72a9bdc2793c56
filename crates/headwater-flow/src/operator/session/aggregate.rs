//! Aggregates over sessions of input that is only appended to.

use std::sync::Arc;

use arrow::array::{Array, RecordBatch, UInt32Array};
use arrow::row::{RowConverter, Rows};

use super::sessions::{Place, Session, Sessions};
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::AggregateSet;
use crate::operator::group::key_width;
use crate::operator::window::{
    Changes, Groups, Judge, Layout, TimeDomain, WindowClock, WindowMode, late_row,
};
use crate::operator::{EpochContext, Operator, Outbox};
use crate::state::StateVisitor;
use crate::time::{Watermark, to_micros};

/// Rows of closed sessions are emitted in batches of so many.
const EMIT_ROWS: usize = 1 << 16;

/// How sessions are emitted and closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct SessionOptions {
    /// Inactivity that ends a session, microseconds.
    pub(crate) gap: i64,
    /// When sessions are emitted.
    pub(crate) mode: WindowMode,
    /// By what they are closed.
    pub(crate) domain: TimeDomain,
    /// Allowed lateness, microseconds.
    pub(crate) lateness: i64,
}

impl SessionOptions {
    /// The same, if they can be.
    ///
    /// # Errors
    /// `Invalid` if the gap is not positive.
    pub(crate) fn checked(self) -> Result<Self> {
        if self.gap <= 0 {
            return Err(Error::new(
                ErrorKind::Invalid,
                "the gap of a session window must be positive",
            ));
        }
        Ok(self)
    }

    /// The latest end of the sessions that `watermark` has closed: it has passed the end itself, since a row at the
    /// very end still belongs to the session.
    pub(super) fn closed_through(self, watermark: Watermark) -> i64 {
        match watermark {
            Watermark::MIN | Watermark::MAX => watermark.0,
            Watermark(at) => at.saturating_sub(self.lateness),
        }
    }

    /// The watermark of the output.
    pub(super) fn watermark(self, input: Watermark) -> Watermark {
        match self.closed_through(input) {
            i64::MAX => Watermark::MAX,
            through => Watermark(through.saturating_sub(Watermark::TICK)),
        }
    }
}

/// One shard of an aggregate over sessions.
pub(crate) struct SessionAggregate {
    layout: Arc<Layout>,
    options: SessionOptions,
    keys: Option<RowConverter>,
    sessions: Sessions,
    groups: Groups,
    changes: Changes,
    clock: WindowClock,
    /// The keys of a batch's rows.
    numbers: Vec<u32>,
}

/// The rows of a batch that belong to a session.
struct Placed {
    rows: Vec<u32>,
    slots: Vec<u32>,
}

impl SessionAggregate {
    /// An aggregate without rows.
    ///
    /// # Errors
    /// `Bug` if the layout does not fit, `Invalid` if a key has a type without equality.
    pub(crate) fn new(
        layout: Arc<Layout>,
        options: SessionOptions,
        aggregates: AggregateSet,
    ) -> Result<Self> {
        Ok(Self {
            keys: layout.keys_converter()?,
            sessions: Sessions::new(
                options.gap,
                key_width(&layout.input, &layout.keys),
                options.mode == WindowMode::Updating,
            ),
            layout,
            options,
            groups: Groups::new(aggregates),
            changes: Changes::default(),
            clock: WindowClock::new(options.domain),
            numbers: Vec::new(),
        })
    }

    /// Finds the session of every row.
    fn place(&mut self, context: &EpochContext, rows: &ZBatch, out: &mut Outbox) -> Result<Placed> {
        let times = to_micros(rows.rows().column(self.layout.time))?;
        let times = self.clock.times(context, times);
        let judge = Judge {
            before: self.clock.before(context),
            lateness: self.options.lateness,
        };
        let keys = self.encode(rows.rows())?;
        let key = |i: usize| keys.as_ref().map_or(&[][..], |keys| keys.row(i).data());
        self.sessions.intern(times.len(), key, &mut self.numbers);
        let bounds = rows.track().map(|t| &t.bounds);
        let mut placed = Placed {
            rows: Vec::with_capacity(times.len()),
            slots: Vec::with_capacity(times.len()),
        };
        for i in 0..times.len() {
            if times.is_null(i) {
                out.untimed += 1;
                continue;
            }
            let bound = judge.bound(bounds, i);
            let through = self.options.closed_through(bound);
            let key = self.numbers[i];
            match self.sessions.place(key, times.value(i), through) {
                Place::In(slot) => {
                    placed.rows.push(i as u32);
                    placed.slots.push(slot);
                }
                Place::Late(start, end) => {
                    let missed = vec![(start, end)];
                    out.late
                        .push(late_row(rows, i, times.value(i), bound, missed)?);
                }
            }
        }
        Ok(placed)
    }

    fn encode(&self, rows: &RecordBatch) -> Result<Option<Rows>> {
        let columns = self.layout.key_columns(rows);
        let rows = self.keys.as_ref().map(|k| k.convert_columns(&columns));
        Ok(rows.transpose()?)
    }

    /// Keeps the results of sessions that are about to change.
    fn keep_old(&mut self) -> Result<()> {
        let touched = std::mem::take(&mut self.sessions.touched);
        let noted = touched
            .iter()
            .map(|(slot, s)| (*slot, s.key != Session::NO_KEY));
        let old = self.changes.touch(noted).into_iter();
        let old: Vec<(u32, Session)> = old.map(|place| touched[place]).collect();
        if !old.is_empty() {
            let rows = self.output(&old)?;
            self.changes.keep_old(rows);
        }
        Ok(())
    }

    fn merge(&mut self) -> Result<()> {
        for (from, into) in &self.sessions.merged {
            self.groups.merge(*into, *from)?;
            self.groups.clear(&[*from]);
        }
        self.sessions.release_merged();
        Ok(())
    }

    /// The output rows of sessions.
    fn output(&self, sessions: &[(u32, Session)]) -> Result<RecordBatch> {
        let gap = self.options.gap;
        let windows = sessions.iter();
        let windows = windows.map(|(_, s)| (s.start, s.last.saturating_add(gap)));
        let windows: Vec<_> = windows.collect();
        let keys = sessions.iter().map(|(_, s)| self.sessions.keys.key(s.key));
        let slots: Vec<u32> = sessions.iter().map(|(slot, _)| *slot).collect();
        let values = self.groups.evaluate(&slots)?;
        self.layout.rows(self.keys.as_ref(), &windows, keys, values)
    }

    /// The sessions of `slots` in the order of output: by end, then key.
    fn sorted(&self, slots: &[u32]) -> Vec<(u32, Session)> {
        let sessions = slots.iter().map(|slot| (*slot, self.sessions.get(*slot)));
        let mut sessions: Vec<_> = sessions.collect();
        let key = |session: &Session| self.sessions.keys.key(session.key);
        sessions.sort_unstable_by(|(_, a), (_, b)| {
            (a.last.cmp(&b.last)).then_with(|| key(a).cmp(key(b)))
        });
        sessions
    }

    fn emit_changes(&mut self, out: &mut Outbox) -> Result<()> {
        let dirty = self.changes.take_dirty();
        if dirty.is_empty() {
            return Ok(());
        }
        let (living, gone): (Vec<u32>, Vec<u32>) =
            (dirty.iter()).partition(|slot| self.sessions.get(**slot).key != Session::NO_KEY);
        let living = self.sorted(&living);
        let new = self.output(&living)?;
        let mut alive = vec![false; gone.len()];
        alive.resize(dirty.len(), true);
        let mut slots = gone;
        slots.extend(living.iter().map(|(slot, _)| *slot));
        out.rows.extend(self.changes.emit(&slots, &alive, &new)?);
        Ok(())
    }
}

impl Operator for SessionAggregate {
    fn push(
        &mut self,
        context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        let rows = match self.clock.is_processing() {
            true => rows.with_track(None)?,
            false => rows,
        };
        let placed = self.place(context, &rows, out)?;
        if placed.slots.is_empty() {
            return Ok(());
        }
        let rows = match placed.rows.len() == rows.num_rows() {
            true => rows,
            false => rows.take(&UInt32Array::from(placed.rows))?,
        };
        self.groups.grow(self.sessions.slots());
        self.keep_old()?;
        self.groups.update(&placed.slots, &rows)?;
        self.merge()
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let reached = self.clock.advance(context);
        let through = self.options.closed_through(reached);
        if self.options.mode == WindowMode::Updating {
            self.emit_changes(out)?;
        }
        let closing = self.sessions.closing(through);
        if self.options.mode == WindowMode::OnClose {
            for part in self.sorted(&closing).chunks(EMIT_ROWS) {
                out.rows.push(ZBatch::append_only(self.output(part)?));
            }
        }
        self.groups.clear(&closing);
        self.sessions.release(&closing);
        self.sessions.forget_keys(through);
        if self.clock.is_processing() {
            let next = self.sessions.due.next(context.processing_time);
            out.timer = out.timer.into_iter().chain(next).min();
        }
        Ok(())
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.options.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        self.clock.visit_state(visitor)?;
        self.sessions.visit_state(visitor)?;
        self.groups.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.changes = Changes::default();
        self.sessions.restored()
    }
}
