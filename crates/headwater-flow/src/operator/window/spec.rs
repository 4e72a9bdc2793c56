//! What a window aggregate is made of, and which operator it becomes.

use std::sync::Arc;

use arrow::datatypes::SchemaRef;

use super::aggregate::{FixedAggregate, FixedOptions};
use super::domain::TimeDomain;
use super::layout::{Layout, WindowColumn};
use super::windows::FixedWindows;
use crate::batch::ZBatch;
use crate::error::{Error, ErrorKind, Result};
use crate::operator::session::{ChangingSessions, SessionAggregate, SessionOptions};
use crate::operator::{AggregateCall, AggregateMode, AggregateSet, EpochContext, Operator, Outbox};
use crate::plan::WindowSpec;
use crate::state::StateVisitor;
use crate::time::Watermark;

/// When a window aggregate emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum WindowMode {
    /// Each window once, when the watermark has closed it; allowed lateness delays the close.
    OnClose,
    /// What has changed, every epoch, as −old/+new. Closed windows are no longer changed, their results stay.
    Updating,
}

/// An aggregate over windows. The output has the group columns first, then one column a call.
#[derive(Debug, Clone)]
pub struct WindowAggregateSpec {
    /// Which windows. The keys of sessions are `keys`, whatever `PARTITION BY` says.
    pub window: WindowSpec,
    /// The time column of the input.
    pub time: usize,
    /// The key columns of the input.
    pub keys: Vec<usize>,
    /// The columns of the input.
    pub input: SchemaRef,
    /// The functions.
    pub calls: Vec<AggregateCall>,
    /// The group columns of the output.
    pub columns: Vec<WindowColumn>,
    /// The columns of the output.
    pub output: SchemaRef,
    /// When windows are emitted.
    pub mode: WindowMode,
    /// How long after its end a window still takes rows, microseconds of event time.
    pub allowed_lateness: i64,
    /// The input never deletes rows.
    pub append_only: bool,
    /// The time column is `PROCTIME()`: the clock closes windows, and nothing is late.
    pub processing_time: bool,
}

/// One shard of an aggregate over windows of any kind.
pub struct WindowAggregate(Box<dyn Operator>);

impl WindowAggregate {
    /// An aggregate without rows.
    ///
    /// # Errors
    /// `Unsupported` for a function or key of a type that it is not made for; `Invalid` for windows that cannot be;
    /// `Bug` if the columns do not fit.
    pub fn new(spec: WindowAggregateSpec) -> Result<Self> {
        match (spec.window.clone(), FixedWindows::new(&spec.window)?) {
            (_, Some(windows)) => Self::fixed(spec, windows),
            (WindowSpec::Session { gap, .. }, None) => Self::session(spec, gap),
            (_, None) => Err(Error::new(ErrorKind::Bug, "windows are of no kind")),
        }
    }

    /// An aggregate over rows that carry their window, because another window operator made them: the time column is
    /// `window_end`, a `window_start` that is grouped by is a key, and `spec.window` plays no part.
    ///
    /// # Errors
    /// As [`WindowAggregate::new`].
    pub fn attached(spec: WindowAggregateSpec) -> Result<Self> {
        if spec.columns.contains(&WindowColumn::Start) {
            let what = "the start of an attached window is not known";
            return Err(Error::new(ErrorKind::Bug, what));
        }
        Self::fixed(spec, FixedWindows::attached())
    }

    fn fixed(spec: WindowAggregateSpec, windows: FixedWindows) -> Result<Self> {
        let set = spec.set()?;
        let options = FixedOptions {
            mode: spec.mode,
            domain: spec.domain(),
            lateness: spec.allowed_lateness,
        };
        let fixed = FixedAggregate::new(windows, spec.layout()?, options, set)?;
        Ok(Self(Box::new(fixed)))
    }

    fn session(spec: WindowAggregateSpec, gap: i64) -> Result<Self> {
        let set = spec.set()?;
        let options = SessionOptions {
            gap,
            mode: spec.mode,
            domain: spec.domain(),
            lateness: spec.allowed_lateness,
        };
        let options = options.checked()?;
        Ok(Self(match spec.append_only {
            true => Box::new(SessionAggregate::new(spec.layout()?, options, set)?),
            false => Box::new(ChangingSessions::new(spec.layout()?, options, set)?),
        }))
    }
}

impl WindowAggregateSpec {
    fn set(&self) -> Result<AggregateSet> {
        let mode = AggregateMode {
            updating: !self.append_only,
            merging: true,
        };
        AggregateSet::new(&self.calls, &self.input, mode)
    }

    fn domain(&self) -> TimeDomain {
        match self.processing_time {
            true => TimeDomain::Processing,
            false => TimeDomain::Event,
        }
    }

    fn layout(self) -> Result<Arc<Layout>> {
        let layout = Layout {
            time: self.time,
            keys: self.keys,
            groups: self.columns,
            input: self.input,
            output: self.output,
        };
        layout.check_invariants()?;
        Ok(Arc::new(layout))
    }
}

impl Operator for WindowAggregate {
    fn push(
        &mut self,
        context: &EpochContext,
        port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()> {
        self.0.push(context, port, rows, out)
    }

    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()> {
        self.0.finish(context, out)
    }

    fn watermark(&self, input: Watermark) -> Watermark {
        self.0.watermark(input)
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        self.0.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.0.restored()
    }
}
