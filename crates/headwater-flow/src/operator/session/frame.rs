//! What the session aggregates share: when sessions close, the columns they read and write, the results of each slot,
//! and how the rows of a batch find their slots.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array, RecordBatch, UInt32Array};

use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::AggregateSet;
use crate::operator::window::{
    Groups, Judge, Layout, TimeDomain, WindowClock, WindowMode, late_row,
};
use crate::operator::{EpochContext, Outbox};
use crate::state::{KeyCodec, Keys, StateVisitor};
use crate::time::{Watermark, to_micros};

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

/// Where a row belongs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// To the results of this slot.
    In(u32),
    /// Nowhere: it is late.
    Late,
}

/// The parts of a session aggregate that do not depend on how it finds its sessions.
pub(super) struct SessionFrame {
    pub(super) layout: Arc<Layout>,
    pub(super) options: SessionOptions,
    pub(super) groups: Groups,
    pub(super) clock: WindowClock,
    keys: KeyCodec,
}

impl SessionFrame {
    /// Without rows.
    ///
    /// # Errors
    /// `Invalid` if a key has a type without equality.
    pub(super) fn new(
        layout: Arc<Layout>,
        options: SessionOptions,
        aggregates: AggregateSet,
    ) -> Result<Self> {
        Ok(Self {
            keys: layout.key_codec()?,
            layout,
            options,
            groups: Groups::new(aggregates),
            clock: WindowClock::new(options.domain),
        })
    }

    /// The length of every key, if they are all equally long.
    pub(super) fn key_width(&self) -> Option<usize> {
        self.keys.width()
    }

    /// Reads times and keys of a batch.
    pub(super) fn read(&self, context: &EpochContext, rows: ZBatch) -> Result<Incoming> {
        let rows = match self.clock.is_processing() {
            true => rows.with_track(None)?,
            false => rows,
        };
        let times = to_micros(rows.rows().column(self.layout.time))?;
        let columns = self.layout.key_columns(rows.rows());
        let keys = self.keys.encode(&columns, rows.num_rows())?;
        Ok(Incoming {
            times: self.clock.times(context, times),
            keys,
            judge: Judge {
                before: self.clock.before(context),
                lateness: self.options.lateness,
            },
            options: self.options,
            rows,
        })
    }

    /// The output rows of sessions: their bounds, their keys' bytes and their slots.
    pub(super) fn output<'a>(
        &self,
        windows: &[(i64, i64)],
        keys: impl Iterator<Item = &'a [u8]>,
        slots: &[u32],
    ) -> Result<RecordBatch> {
        let values: Vec<ArrayRef> = self.groups.evaluate(slots)?;
        self.layout.rows(&self.keys, windows, keys, values)
    }

    /// Asks for the epoch in which the clock closes the next session.
    pub(super) fn ask(&self, next: Option<i64>, out: &mut Outbox) {
        if self.clock.is_processing() {
            out.timer = out.timer.into_iter().chain(next).min();
        }
    }

    pub(super) fn visit_state(
        &mut self,
        visitor: &mut StateVisitor<'_>,
        sessions: impl FnOnce(&mut StateVisitor<'_>) -> Result<()>,
    ) -> Result<()> {
        self.clock.visit_state(visitor)?;
        sessions(visitor)?;
        self.groups.visit_state(visitor)
    }
}

/// A batch whose rows are to find their sessions.
pub(super) struct Incoming {
    rows: ZBatch,
    times: Int64Array,
    keys: Keys,
    judge: Judge,
    options: SessionOptions,
}

/// The rows of a batch that belong to a session.
pub(super) struct Placed {
    pub(super) rows: ZBatch,
    /// Per row the slot of its results.
    pub(super) slots: Vec<u32>,
}

impl Incoming {
    pub(super) fn len(&self) -> usize {
        self.times.len()
    }

    /// The bytes of a row's key.
    pub(super) fn key(&self, i: usize) -> &[u8] {
        self.keys.key(i)
    }

    pub(super) fn weight(&self, i: usize) -> i64 {
        self.rows.weight(i)
    }

    /// Lets `place` find the place of every row that has a time, given the row, its time and the latest end of a
    /// session that is closed for it.
    pub(super) fn place(
        self,
        out: &mut Outbox,
        mut place: impl FnMut(&Self, usize, i64, i64) -> Result<Place>,
    ) -> Result<Placed> {
        let bounds = self.rows.track().map(|t| &t.bounds);
        let mut slots = Vec::with_capacity(self.len());
        let mut indices = Vec::with_capacity(self.len());
        for i in 0..self.len() {
            let bound = self.judge.bound(bounds, i);
            if self.times.is_null(i) {
                out.late
                    .push(late_row(&self.rows, i, None, bound, Vec::new())?);
                continue;
            }
            let time = self.times.value(i);
            match place(&self, i, time, self.options.closed_through(bound))? {
                Place::In(slot) => {
                    slots.push(slot);
                    indices.push(i as u32);
                }
                Place::Late => {
                    // The session that it touches may be forgotten or not; the one that it would be alone is always known.
                    let missed = vec![(time, time.saturating_add(self.options.gap))];
                    let late = late_row(&self.rows, i, Some(time), bound, missed)?;
                    out.late.push(late);
                }
            }
        }
        let rows = match indices.len() == self.rows.num_rows() {
            true => self.rows,
            false => self.rows.take(&UInt32Array::from(indices))?,
        };
        Ok(Placed { rows, slots })
    }
}
