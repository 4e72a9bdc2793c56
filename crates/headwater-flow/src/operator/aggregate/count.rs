//! `count(*)` and `count(x)`.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, Int64Array};

use arrow::buffer::NullBuffer;

use super::rows::{Accumulator, Rows};
use crate::error::Result;
use crate::state::{Paged, StateVisitor};

/// Counts the rows whose arguments are not null.
#[derive(Debug, Default)]
pub(super) struct Count {
    args: Vec<usize>,
    counts: Paged<i64>,
}

impl Count {
    pub(super) fn new(args: Vec<usize>) -> Self {
        Self {
            args,
            ..Self::default()
        }
    }
}

impl Accumulator for Count {
    fn grow(&mut self, slots: usize) {
        self.counts.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let nulls = self.args.iter().fold(None, |nulls, arg| {
            let more = rows.columns[*arg].logical_nulls();
            NullBuffer::union(nulls.as_ref(), more.as_ref())
        });
        rows.each(nulls.as_ref(), |_, slot, weight| {
            *self.counts.get_mut(slot) += weight;
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let count = *self.counts.get(from);
        *self.counts.get_mut(into) += count;
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let counts = slots.iter().map(|s| *self.counts.get(*s));
        Ok(Arc::new(Int64Array::from_iter_values(counts)))
    }

    fn clear(&mut self, slot: u32) {
        self.counts.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("count", &mut self.counts)
    }
}
