//! The state of groups: the aggregates and the number of rows, by slot.

use arrow::array::ArrayRef;

use crate::batch::ZBatch;
use crate::error::Result;
use crate::operator::AggregateSet;
use crate::state::{Paged, StateVisitor};

/// Aggregates that know whether a group is empty.
pub(crate) struct Groups {
    aggregates: AggregateSet,
    rows: Paged<i64>,
}

impl Groups {
    pub(crate) fn new(aggregates: AggregateSet) -> Self {
        Self {
            aggregates,
            rows: Paged::new(),
        }
    }

    pub(crate) fn grow(&mut self, slots: usize) {
        if slots > self.rows.len() {
            self.rows.grow(slots);
            self.aggregates.grow(slots);
        }
    }

    /// The number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.rows.len()
    }

    /// The weights of all rows of a slot, summed up.
    #[inline]
    pub(crate) fn rows(&self, slot: u32) -> i64 {
        *self.rows.get(slot)
    }

    /// Takes rows: row `i` belongs to `slots[i]`.
    pub(crate) fn update(&mut self, slots: &[u32], rows: &ZBatch) -> Result<()> {
        match rows.weights() {
            None => slots.iter().for_each(|s| *self.rows.get_mut(*s) += 1),
            Some(weights) => (slots.iter().zip(weights.values()))
                .for_each(|(s, weight)| *self.rows.get_mut(*s) += weight),
        }
        self.aggregates.update(slots, rows.rows(), rows.weights())
    }

    /// Adds what slot `from` has to slot `into`.
    pub(crate) fn merge(&mut self, into: u32, from: u32) -> Result<()> {
        let rows = self.rows(from);
        *self.rows.get_mut(into) += rows;
        self.aggregates.merge(into, from)
    }

    pub(crate) fn evaluate(&self, slots: &[u32]) -> Result<Vec<ArrayRef>> {
        self.aggregates.evaluate(slots)
    }

    pub(crate) fn clear(&mut self, slots: &[u32]) {
        for slot in slots {
            self.rows.clear(*slot);
            self.aggregates.clear(*slot);
        }
    }

    pub(crate) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("rows", &mut self.rows)?;
        visitor.scope("aggregates", |v| self.aggregates.visit_state(v))
    }
}
