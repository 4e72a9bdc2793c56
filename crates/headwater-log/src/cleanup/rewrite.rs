//! One batch through compaction: it stays as it is, becomes smaller, or goes.

use super::newest::NewestMap;
use crate::batch::{BatchBuilder, LogBatch, RecordRef};
use crate::clock::Timestamp;
use crate::error::Result;

/// What stays.
#[derive(Debug)]
pub(crate) struct Rules<'a> {
    /// The newest offset of the keys in the new part.
    pub(crate) newest: &'a NewestMap,
    /// The keys of all records before this offset were looked at, in this round or before.
    pub(crate) end: u64,
    /// The present time.
    pub(crate) now: Timestamp,
    /// How long tombstones that are the newest of their key stay.
    pub(crate) delete_retention_ms: i64,
}

/// What becomes of a batch.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Rewritten {
    /// It stays, byte by byte.
    Same,
    /// This takes its place.
    Smaller(LogBatch),
    /// No record of it is left.
    Gone,
}

impl Rules<'_> {
    /// Records without a key are never superseded; control batches stay whole.
    fn keeps(&self, batch: &LogBatch, record: &RecordRef<'_>) -> bool {
        let Some(key) = record.key else { return true };
        if batch.is_control() {
            return true;
        }
        let newest = self.newest.newest(key);
        let superseded = newest.is_some_and(|newest| newest > record.offset.0);
        let expired = || {
            batch
                .delete_horizon()
                .is_some_and(|horizon| horizon <= self.now)
        };
        !(superseded || is_tombstone(record) && expired())
    }
}

fn is_tombstone(record: &RecordRef<'_>) -> bool {
    record.key.is_some() && record.value.is_none()
}

/// Applies the rules to a batch and calls `kept` with the offsets that stay.
///
/// # Errors
/// `Corrupt` if the batch does not decode.
pub(crate) fn rewrite(
    batch: &LogBatch,
    rules: &Rules<'_>,
    mut kept: impl FnMut(u64),
) -> Result<Rewritten> {
    let (mut left, mut tombstones) = (0, false);
    batch.for_each(|record| {
        if rules.keeps(batch, &record) {
            left += 1;
            tombstones |= is_tombstone(&record);
            kept(record.offset.0);
        }
    })?;
    // A tombstone's time runs from the first compaction that finds nothing newer, and has taken what is older.
    let is_looked_at = batch.last_offset().0 < rules.end;
    let starts_horizon =
        tombstones && is_looked_at && !batch.is_control() && batch.delete_horizon().is_none();
    if left == 0 && batch.record_count() > 0 {
        return Ok(Rewritten::Gone);
    }
    if left == batch.record_count() && !starts_horizon {
        return Ok(Rewritten::Same);
    }
    let horizon = if starts_horizon {
        let at = rules.now.0.saturating_add(rules.delete_retention_ms);
        Some(Timestamp(at))
    } else {
        batch.delete_horizon()
    };
    let mut builder = BatchBuilder::new(batch.base_offset(), batch.codec())
        .like(batch)
        .delete_horizon(horizon);
    batch.try_for_each(|record| match rules.keeps(batch, &record) {
        true => builder.push_ref(&record),
        false => Ok(()),
    })?;
    let smaller = builder.until(batch.last_offset()).finish()?;
    Ok(Rewritten::Smaller(smaller))
}
