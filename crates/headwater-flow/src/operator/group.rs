//! The group aggregate: one output row a group, replaced when it changes. Groups that rows touched are evaluated once
//! before their first row of an epoch and once at its end; a change is the old row with weight −1 and the new with +1.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, BooleanArray, Int64Array, RecordBatch, UInt32Array};
use arrow::compute::kernels::cmp::not_distinct;
use arrow::compute::{and, concat, take};
use arrow::datatypes::SchemaRef;

use super::aggregate::{AggregateCall, AggregateMode, AggregateSet};
use super::{EpochContext, Operator, Outbox};
use crate::batch::ZBatch;
use crate::error::Result;
use crate::state::{KeyCodec, KeyTable, Paged, StateVisitor};

/// The most groups in an output batch.
const BATCH_MAX: usize = 8192;

/// One shard of a group aggregate. The output has the keys, then the results.
///
/// Without keys there is one group that always exists, also for empty input; such an operator has one shard.
///
/// Invariants: on updating input a group has a slot while rows of it are there; `touched` holds exactly the slots whose
/// mark is set.
pub struct GroupAggregate {
    keys: Vec<usize>,
    codec: Option<KeyCodec>,
    output: SchemaRef,
    table: KeyTable,
    /// Rows by group; on updating input only.
    rows: Option<Paged<i64>>,
    set: AggregateSet,
    /// Slots below were there before the epoch (append-only input).
    settled: usize,
    marks: Vec<bool>,
    touched: Vec<Touched>,
    slots: Vec<u32>,
}

/// Groups whose first row of the epoch came in one batch.
struct Touched {
    slots: Vec<u32>,
    /// Which of them had a row in the output.
    existed: Vec<bool>,
    /// Their results before; `None` if none of them existed.
    old: Option<Vec<ArrayRef>>,
}

impl GroupAggregate {
    /// A shard that groups rows of `input` by the columns `keys`.
    ///
    /// # Errors
    /// `Unsupported` for a function or key of a type that it is not made for.
    pub fn new(
        keys: Vec<usize>,
        input: &SchemaRef,
        calls: &[AggregateCall],
        output: SchemaRef,
        append_only: bool,
    ) -> Result<Self> {
        let mode = AggregateMode {
            updating: !append_only,
            merging: false,
        };
        let codec = match keys.is_empty() {
            true => None,
            false => Some(KeyCodec::of(input, &keys)?),
        };
        let width = codec.as_ref().map_or(Some(0), KeyCodec::width);
        Ok(Self {
            keys,
            codec,
            output,
            table: KeyTable::new(width),
            rows: (!append_only).then(Paged::new),
            set: AggregateSet::new(calls, input, mode)?,
            settled: 0,
            marks: Vec::new(),
            touched: Vec::new(),
            slots: Vec::new(),
        })
    }

    /// The slot of each row, in `self.slots`.
    fn find_slots(&mut self, rows: &RecordBatch) -> Result<()> {
        match &self.codec {
            Some(codec) => {
                let keys = self.keys.iter().map(|i| Arc::clone(rows.column(*i)));
                let keys = codec.encode(&keys.collect::<Vec<_>>(), rows.num_rows())?;
                self.table.intern_keys(&keys, &mut self.slots);
            }
            None => {
                let slot = self.table.intern(&[]);
                self.slots.clear();
                self.slots.resize(rows.num_rows(), slot);
            }
        }
        self.grow();
        Ok(())
    }

    fn grow(&mut self) {
        let slots = self.table.slots();
        self.set.grow(slots);
        if let Some(rows) = &mut self.rows {
            rows.grow(slots);
        }
        self.marks.resize(slots, false);
    }

    /// Notes the groups that no earlier row of the epoch touched, and their results so far.
    fn touch(&mut self) -> Result<()> {
        let mut slots = Vec::new();
        for slot in &self.slots {
            let mark = &mut self.marks[*slot as usize];
            if !*mark {
                *mark = true;
                slots.push(*slot);
            }
        }
        for chunk in slots.chunks(BATCH_MAX) {
            let existed: Vec<bool> = chunk.iter().map(|s| self.exists(*s)).collect();
            let old = match existed.iter().any(|e| *e) {
                true => Some(self.set.evaluate(chunk)?),
                false => None,
            };
            self.touched.push(Touched {
                slots: chunk.to_vec(),
                existed,
                old,
            });
        }
        Ok(())
    }

    fn exists(&self, slot: u32) -> bool {
        match &self.rows {
            _ if self.keys.is_empty() => (slot as usize) < self.settled,
            Some(rows) => *rows.get(slot) > 0,
            None => (slot as usize) < self.settled,
        }
    }

    /// Whether the group has a row in the output after the epoch.
    fn remains(&self, slot: u32) -> bool {
        match &self.rows {
            Some(rows) if !self.keys.is_empty() => *rows.get(slot) > 0,
            _ => true,
        }
    }

    /// The changes of groups, and the slots that are free now.
    fn emit(&self, touched: &Touched, out: &mut Outbox) -> Result<()> {
        let slots = &touched.slots;
        let new = self.set.evaluate(slots)?;
        let same = match &touched.old {
            Some(old) => unchanged(old, &new, slots.len())?,
            None => BooleanArray::from(vec![false; slots.len()]),
        };
        let mut picks: Vec<u32> = Vec::with_capacity(2 * slots.len());
        let mut weights: Vec<i64> = Vec::with_capacity(2 * slots.len());
        for (i, slot) in slots.iter().enumerate() {
            let (before, after) = (touched.existed[i], self.remains(*slot));
            if before && after && same.value(i) {
                continue;
            }
            if before {
                picks.push((slots.len() + i) as u32);
                weights.push(-1);
            }
            if after {
                picks.push(i as u32);
                weights.push(1);
            }
        }
        if picks.is_empty() {
            return Ok(());
        }
        let rows = self.assemble(slots, &new, touched.old.as_deref(), picks)?;
        let weights = weights.contains(&-1).then(|| Int64Array::from(weights));
        out.rows.push(ZBatch::new(rows, weights)?);
        Ok(())
    }

    /// Picks rows: below the number of slots the new row of a slot, else the old one.
    fn assemble(
        &self,
        slots: &[u32],
        new: &[ArrayRef],
        old: Option<&[ArrayRef]>,
        picks: Vec<u32>,
    ) -> Result<RecordBatch> {
        let all_new = picks.len() == slots.len() && old.is_none();
        let keys = self.key_columns(slots)?;
        let count = slots.len() as u32;
        let key_picks = UInt32Array::from_iter_values(picks.iter().map(|p| p % count));
        let picks = UInt32Array::from(picks);
        let mut columns = Vec::with_capacity(self.output.fields().len());
        for key in keys {
            columns.push(match all_new {
                true => key,
                false => take(&key, &key_picks, None)?,
            });
        }
        for (i, column) in new.iter().enumerate() {
            columns.push(match old {
                None if all_new => Arc::clone(column),
                None => take(column, &picks, None)?,
                Some(old) => take(&concat(&[column, &old[i]])?, &picks, None)?,
            });
        }
        Ok(RecordBatch::try_new(Arc::clone(&self.output), columns)?)
    }

    fn key_columns(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        match &self.codec {
            Some(codec) => codec.decode(slots.iter().map(|s| self.table.key(*s))),
            None => Ok(Vec::new()),
        }
    }

    fn free(&mut self, slots: &[u32]) {
        for slot in slots {
            self.marks[*slot as usize] = false;
            let empty = self.rows.as_ref().is_some_and(|r| *r.get(*slot) == 0);
            if empty && !self.keys.is_empty() {
                self.table.remove(*slot);
                self.set.clear(*slot);
            }
        }
    }
}

impl Operator for GroupAggregate {
    fn push(
        &mut self,
        _context: &EpochContext,
        _port: usize,
        rows: ZBatch,
        _out: &mut Outbox,
    ) -> Result<()> {
        if rows.num_rows() == 0 {
            return Ok(());
        }
        self.find_slots(rows.rows())?;
        self.touch()?;
        if let Some(counts) = &mut self.rows {
            for (i, slot) in self.slots.iter().enumerate() {
                *counts.get_mut(*slot) += rows.weight(i);
            }
        }
        self.set.update(&self.slots, rows.rows(), rows.weights())
    }

    fn finish(&mut self, _context: &EpochContext, out: &mut Outbox) -> Result<()> {
        if self.keys.is_empty() && self.table.is_empty() {
            self.slots = vec![self.table.intern(&[])];
            self.grow();
            self.touch()?;
        }
        for touched in std::mem::take(&mut self.touched) {
            self.emit(&touched, out)?;
            self.free(&touched.slots);
        }
        self.settled = self.table.slots();
        Ok(())
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("keys", &mut self.table)?;
        if let Some(rows) = &mut self.rows {
            visitor.column("rows", rows)?;
        }
        self.set.visit_state(visitor)
    }

    fn restored(&mut self) -> Result<()> {
        self.grow();
        self.settled = self.table.slots();
        self.marks.fill(false);
        self.touched.clear();
        Ok(())
    }
}

/// Per row whether it is the same in both, null equal to null.
fn unchanged(old: &[ArrayRef], new: &[ArrayRef], rows: usize) -> Result<BooleanArray> {
    let mut same: Option<BooleanArray> = None;
    for (old, new) in old.iter().zip(new) {
        let column = match new.data_type().is_nested() {
            true => same_rows(old, new)?,
            false => not_distinct(old, new)?,
        };
        same = Some(match same {
            Some(same) => and(&same, &column)?,
            None => column,
        });
    }
    Ok(same.unwrap_or_else(|| BooleanArray::from(vec![true; rows])))
}

fn same_rows(old: &ArrayRef, new: &ArrayRef) -> Result<BooleanArray> {
    let codec = KeyCodec::new([new.data_type().clone()])?;
    let old = codec.encode(std::slice::from_ref(old), old.len())?;
    let new = codec.encode(std::slice::from_ref(new), new.len())?;
    let pairs = old.iter().zip(new.iter());
    Ok(pairs.map(|(old, new)| Some(old == new)).collect())
}

#[cfg(test)]
mod tests;
