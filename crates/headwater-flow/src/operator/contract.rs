//! What every operator promises, and what it is given and hands on.

use arrow::array::RecordBatch;

use crate::batch::ZBatch;
use crate::connector::LateRow;
use crate::error::Result;
use crate::state::StateVisitor;
use crate::time::Watermark;

/// An operator without memory: runs on each batch, on any thread.
pub trait Stateless: Send + Sync + std::fmt::Debug {
    /// The rows that come of `input`, in its order.
    ///
    /// # Errors
    /// `Invalid` for a computation that fails, `Bug` for rows of another shape.
    fn apply(&self, input: ZBatch) -> Result<ZBatch>;
}

/// What an operator may know of the epoch it works in. The commit of the epoch records all of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EpochContext {
    /// The epoch's number; the first is 1.
    pub epoch: u64,
    /// Processing time, microseconds; read once an epoch.
    pub processing_time: i64,
    /// The input's watermark at the start of the epoch.
    pub watermark_before: Watermark,
    /// The input's watermark after all rows of the epoch. During [`Operator::push`] it equals `watermark_before`.
    pub watermark: Watermark,
}

/// What an operator hands on.
#[derive(Debug, Default)]
pub struct Outbox {
    /// Rows, in canonical order.
    pub rows: Vec<ZBatch>,
    /// Rows that belong to no window that could still take them.
    pub late: Vec<LateRow>,
    /// When, in processing time (microseconds), the operator wants an epoch even without input.
    pub timer: Option<i64>,
}

/// One shard of a stateful operator. The circuit sends it the rows whose keys it owns.
///
/// # Ordering
/// Within an epoch any number of `push` in canonical order, then one `finish`.
pub trait Operator: Send {
    /// Takes rows of input `port`.
    ///
    /// # Errors
    /// `Invalid` for a computation that fails, `Bug` for rows of another shape.
    fn push(
        &mut self,
        context: &EpochContext,
        port: usize,
        rows: ZBatch,
        out: &mut Outbox,
    ) -> Result<()>;

    /// Ends the epoch: emits what has changed and what the watermark has closed.
    ///
    /// # Errors
    /// As [`Operator::push`].
    fn finish(&mut self, context: &EpochContext, out: &mut Outbox) -> Result<()>;

    /// The watermark of the output, given that of the input (only session and pattern operators hold it back).
    fn watermark(&self, input: Watermark) -> Watermark {
        input
    }

    /// Shows the visitor every column of state.
    ///
    /// # Errors
    /// What the visit fails with.
    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()>;

    /// Called after state was restored: rebuild what is derived from it.
    ///
    /// # Errors
    /// `Corrupt` if it does not fit.
    fn restored(&mut self) -> Result<()> {
        Ok(())
    }

    /// The present rows, of operators that are views.
    ///
    /// # Errors
    /// `Bug` if the state cannot be read.
    fn contents(&self) -> Result<Option<RecordBatch>> {
        Ok(None)
    }
}
