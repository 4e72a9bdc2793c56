//! Figures of operators, for EXPLAIN ANALYZE: wrapped around those of a plan that is lowered to be measured.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use arrow::array::RecordBatch;

use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::{EpochContext, Operator, Outbox, Stateless};
use crate::state::{FrozenState, StateVisitor};
use crate::time::Watermark;

/// What an operator did: rows, and time of all threads together.
#[derive(Debug, Default)]
pub struct Measure {
    rows_in: AtomicU64,
    rows_out: AtomicU64,
    nanos: AtomicU64,
    state_bytes: AtomicU64,
}

impl Measure {
    /// Rows that it took.
    pub fn rows_in(&self) -> u64 {
        self.rows_in.load(Ordering::Relaxed)
    }

    /// Rows that it gave.
    pub fn rows_out(&self) -> u64 {
        self.rows_out.load(Ordering::Relaxed)
    }

    /// How long it worked.
    pub fn busy(&self) -> Duration {
        Duration::from_nanos(self.nanos.load(Ordering::Relaxed))
    }

    /// The most bytes of state that were seen; state is looked at now and then.
    pub fn state_bytes(&self) -> u64 {
        self.state_bytes.load(Ordering::Relaxed)
    }

    fn add(&self, rows_in: usize, rows_out: usize, since: Instant) {
        self.rows_in.fetch_add(rows_in as u64, Ordering::Relaxed);
        self.rows_out.fetch_add(rows_out as u64, Ordering::Relaxed);
        let nanos = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        self.nanos.fetch_add(nanos, Ordering::Relaxed);
    }
}

impl fmt::Display for Measure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} rows in, {} out, {:.3} ms",
            self.rows_in(),
            self.rows_out(),
            self.busy().as_secs_f64() * 1e3
        )?;
        match self.state_bytes() {
            0 => Ok(()),
            bytes => write!(f, ", state up to {}", size(bytes)),
        }
    }
}

fn size(bytes: u64) -> String {
    match bytes {
        0..=0x3ff => format!("{bytes} bytes"),
        0x400..=0xf_ffff => format!("{:.1} KiB", bytes as f64 / 1024.0),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}

/// Figures only: nothing that an operator does depends on it.
#[expect(clippy::disallowed_methods, reason = "for figures only")]
fn now() -> Instant {
    Instant::now()
}

/// A stateless operator that is measured.
#[derive(Debug)]
pub(super) struct Measured<T> {
    inner: T,
    measure: Arc<Measure>,
    /// Epochs until state is looked at again: ever longer, since all of it is.
    patience: u64,
    waits: u64,
}

impl<T> Measured<T> {
    pub(super) fn new(inner: T, measure: Arc<Measure>) -> Self {
        Self {
            inner,
            measure,
            patience: 0,
            waits: 0,
        }
    }
}

impl Stateless for Measured<Arc<dyn Stateless>> {
    fn apply(&self, input: ZBatch) -> Result<ZBatch> {
        let (since, rows_in) = (now(), input.num_rows());
        let output = self.inner.apply(input)?;
        self.measure.add(rows_in, output.num_rows(), since);
        Ok(output)
    }
}

impl Measured<Box<dyn Operator>> {
    fn measure_state(&mut self) -> Result<()> {
        if self.waits > 0 {
            self.waits -= 1;
            return Ok(());
        }
        self.patience = self.patience * 2 + 1;
        self.waits = self.patience;
        let inner = self.inner.as_mut();
        let state = FrozenState::freeze(true, |visitor| inner.visit_state(visitor))?;
        let bytes = state.memory_bytes()? as u64;
        self.measure.state_bytes.fetch_max(bytes, Ordering::Relaxed);
        Ok(())
    }

    /// Does something with the operator, and measures it.
    fn work(
        &mut self,
        rows_in: usize,
        out: &mut Outbox,
        work: impl FnOnce(&mut dyn Operator, &mut Outbox) -> Result<()>,
    ) -> Result<()> {
        let (since, before) = (now(), out.rows.len());
        work(self.inner.as_mut(), out)?;
        let rows_out = out.rows[before..].iter().map(ZBatch::num_rows).sum();
        self.measure.add(rows_in, rows_out, since);
        Ok(())
    }
}

impl Operator for Measured<Box<dyn Operator>> {
    fn push(
        &mut self,
        context: &EpochContext,
        port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        self.work(rows.num_rows(), out, |operator, out| {
            operator.push(context, port, rows, out)
        })
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        self.measure_state()?;
        self.work(0, out, |operator, out| operator.finish(context, out))
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.inner.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        self.inner.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.inner.restored()
    }

    fn contents(&self) -> Result<Option<RecordBatch>> {
        self.inner.contents()
    }
}
