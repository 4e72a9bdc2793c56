//! Where a pipeline's output goes. A topic is a sink that adds its records to the epoch's commit; the few others
//! (`print`, `blackhole`, files of a `run`) get the epoch's output when the commit is durable.

use crate::batch::ZBatch;
use crate::error::Result;

/// An output of a pipeline.
///
/// # Ordering
/// `write` for an epoch, then the commit, then `committed` for that epoch; epochs ascend by one. The next epoch may be
/// written before this one is committed.
pub trait Sink: Send {
    /// Takes an epoch's output, in canonical order; what is to be atomic with the epoch goes into `commit`.
    ///
    /// # Errors
    /// `Invalid` if the rows cannot be written (a retraction to an append-only sink).
    fn write(
        &mut self,
        epoch: u64,
        rows: &[ZBatch],
        commit: &mut headwater_log::Commit,
    ) -> Result<()>;

    /// The epoch's commit is durable: deliver.
    ///
    /// # Errors
    /// `Unavailable` to be retried; a closed standard output is `Closed`.
    fn committed(&mut self, epoch: u64) -> Result<()>;

    /// Called once before the first `write`: the last epoch that was committed before (0: none). A sink with a
    /// memory of its own discards what it has beyond it.
    ///
    /// # Errors
    /// `Corrupt` if what it has does not fit.
    fn recover(&mut self, epoch: u64) -> Result<()>;

    /// No more epochs will come in this process: flush and close.
    ///
    /// # Errors
    /// As `committed`.
    fn close(&mut self) -> Result<()>;
}

/// A row turned into a record's key and value.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct EncodedRow {
    /// The key bytes, if the sink has a key.
    pub key: Option<Vec<u8>>,
    /// The value; `None`: a tombstone.
    pub value: Option<Vec<u8>>,
}

/// A row that belongs to no window that could still take it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LateRow {
    /// Packed [`Origin`](crate::time::Origin), if the row is what a record said; not if it is what one changed.
    pub origin: Option<u64>,
    /// Its event time, microseconds; `None`: it has none.
    pub event_time: Option<i64>,
    /// The watermark it was judged against, microseconds.
    pub watermark: i64,
    /// The windows it missed, as (start, end) in microseconds; all of its windows unless it hopped; for sessions the one
    /// that it would have been alone, since which it touched may be forgotten. None if it has no
    /// event time, or one so far out that no window has bounds there.
    pub windows: Vec<(i64, i64)>,
    /// The row as JSON, for rows without an origin.
    pub row: Option<String>,
}

/// A row that nothing can be made of: something in it cannot be computed, or is NULL where that is not allowed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FailedRow {
    /// Packed [`Origin`](crate::time::Origin), if the row is what a record said; not if it is what one changed.
    pub origin: Option<u64>,
    /// The row as JSON, for rows without an origin.
    pub row: Option<String>,
    /// Why, in a sentence.
    pub reason: String,
}
