//! Aggregates over sessions of input that is only appended to.

use std::sync::Arc;

use arrow::array::RecordBatch;

use super::frame::{SessionFrame, SessionOptions};
use super::sessions::{Session, Sessions};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::AggregateSet;
use crate::operator::window::{Changes, Layout, WindowMode};
use crate::operator::{EpochContext, Operator, Outbox};
use crate::state::StateVisitor;
use crate::time::Watermark;

/// Rows of closed sessions are emitted in batches of so many.
const EMIT_ROWS: usize = 1 << 16;

/// One shard of an aggregate over sessions.
pub(crate) struct SessionAggregate {
    frame: SessionFrame,
    sessions: Sessions,
    changes: Changes,
    /// The keys of a batch's rows.
    numbers: Vec<u32>,
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
        let frame = SessionFrame::new(layout, options, aggregates)?;
        let updates = options.mode == WindowMode::Updating;
        Ok(Self {
            sessions: Sessions::new(options.gap, frame.key_width(), updates),
            frame,
            changes: Changes::default(),
            numbers: Vec::new(),
        })
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
            self.frame.groups.merge(*into, *from)?;
            self.frame.groups.clear(&[*from]);
        }
        self.sessions.release_merged();
        Ok(())
    }

    /// The output rows of sessions.
    fn output(&self, sessions: &[(u32, Session)]) -> Result<RecordBatch> {
        let gap = self.frame.options.gap;
        let windows = sessions.iter();
        let windows = windows.map(|(_, s)| (s.start, s.last.saturating_add(gap)));
        let windows: Vec<_> = windows.collect();
        let keys = sessions.iter().map(|(_, s)| self.sessions.keys.key(s.key));
        let slots: Vec<u32> = sessions.iter().map(|(slot, _)| *slot).collect();
        self.frame.output(&windows, keys, &slots)
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
        let incoming = self.frame.read(context, rows)?;
        let (sessions, numbers) = (&mut self.sessions, &mut self.numbers);
        sessions.intern(incoming.len(), |i| incoming.key(i), numbers);
        let placed = incoming.place(out, |_, i, time, through| {
            Ok(sessions.place(numbers[i], time, through))
        })?;
        if placed.slots.is_empty() {
            return Ok(());
        }
        self.frame.groups.grow(self.sessions.slots());
        self.keep_old()?;
        self.frame.groups.update(&placed.slots, &placed.rows)?;
        self.merge()
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        let reached = self.frame.clock.advance(context);
        let through = self.frame.options.closed_through(reached);
        if self.frame.options.mode == WindowMode::Updating {
            self.emit_changes(out)?;
        }
        let closing = self.sessions.closing(through);
        if self.frame.options.mode == WindowMode::OnClose {
            for part in self.sorted(&closing).chunks(EMIT_ROWS) {
                out.rows.push(ZBatch::append_only(self.output(part)?));
            }
        }
        self.frame.groups.clear(&closing);
        self.sessions.release(&closing);
        self.sessions.forget_keys(through);
        let next = self.sessions.due.next(context.processing_time);
        self.frame.ask(next, out);
        Ok(())
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.frame.options.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        let sessions = &mut self.sessions;
        self.frame.visit_state(visitor, |v| sessions.visit_state(v))
    }

    fn restored(&mut self) -> Result<()> {
        self.changes = Changes::default();
        self.sessions.restored()
    }
}
