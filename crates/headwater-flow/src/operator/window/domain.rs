//! What closes windows: event time or the clock.

use arrow::array::Int64Array;

use crate::error::Result;
use crate::operator::EpochContext;
use crate::state::{Paged, StateVisitor};
use crate::time::Watermark;

/// What closes windows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum TimeDomain {
    /// The watermark.
    Event,
    /// The clock: the time column is `PROCTIME()`, and nothing is late.
    Processing,
}

/// The time that closes an operator's windows.
#[derive(Debug)]
pub(crate) struct WindowClock {
    domain: TimeDomain,
    /// Of the processing-time domain: the time reached by the last epoch; slot 0, if there was one.
    reached: Paged<i64>,
}

impl WindowClock {
    pub(crate) fn new(domain: TimeDomain) -> Self {
        Self {
            domain,
            reached: Paged::new(),
        }
    }

    pub(crate) fn is_processing(&self) -> bool {
        self.domain == TimeDomain::Processing
    }

    /// The time before the epoch.
    pub(crate) fn before(&self, context: &EpochContext) -> Watermark {
        match self.domain {
            TimeDomain::Event => context.watermark_before,
            TimeDomain::Processing if self.reached.is_empty() => Watermark::MIN,
            TimeDomain::Processing => Watermark(*self.reached.get(0)),
        }
    }

    /// The time after the epoch; a clock that was set back stands still. The end of all input is the end of time.
    pub(crate) fn advance(&mut self, context: &EpochContext) -> Watermark {
        if self.domain == TimeDomain::Event || context.watermark == Watermark::MAX {
            return context.watermark;
        }
        let before = self.before(context).0;
        let now = before.max(context.processing_time - Watermark::TICK);
        self.reached.grow(1);
        *self.reached.get_mut(0) = now;
        Watermark(now)
    }

    /// The times of rows: those of a clock that was set back are moved forward, since nothing is late for it.
    pub(crate) fn times(&self, context: &EpochContext, times: Int64Array) -> Int64Array {
        match (self.domain, self.before(context)) {
            (TimeDomain::Event, _) | (_, Watermark::MIN) => times,
            (TimeDomain::Processing, Watermark(before)) => {
                times.unary(|time| time.max(before + Watermark::TICK))
            }
        }
    }

    pub(crate) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("clock", &mut self.reached)
    }
}
