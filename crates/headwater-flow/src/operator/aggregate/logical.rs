//! `bool_and` and `bool_or`, by counting.

use std::sync::Arc;

use arrow::array::{Array, ArrayRef, AsArray, BooleanArray};

use super::rows::{Accumulator, Rows};
use crate::error::{Error, ErrorKind, Result};
use crate::state::{Paged, StateVisitor};

/// Counts what is true and what is false.
#[derive(Debug)]
pub(super) struct Logical {
    arg: usize,
    all: bool,
    counts: Paged<(i64, i64)>,
}

impl Logical {
    /// `all`: AND, else OR.
    pub(super) fn new(arg: usize, all: bool) -> Self {
        Self {
            arg,
            all,
            counts: Paged::new(),
        }
    }
}

impl Accumulator for Logical {
    fn grow(&mut self, slots: usize) {
        self.counts.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let column = rows.columns[self.arg]
            .as_boolean_opt()
            .ok_or_else(|| Error::new(ErrorKind::Bug, "bool_and or bool_or of no booleans"))?;
        let values = column.values();
        rows.each(column.nulls(), |i, slot, weight| {
            let (yes, no) = self.counts.get_mut(slot);
            *(if values.value(i) { yes } else { no }) += weight;
        });
        Ok(())
    }

    fn merge(&mut self, into: u32, from: u32) {
        let (yes, no) = *self.counts.get(from);
        let counts = self.counts.get_mut(into);
        counts.0 += yes;
        counts.1 += no;
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let results = slots.iter().map(|slot| {
            let (yes, no) = *self.counts.get(*slot);
            (yes > 0 || no > 0).then_some(if self.all { no <= 0 } else { yes > 0 })
        });
        Ok(Arc::new(results.collect::<BooleanArray>()))
    }

    fn clear(&mut self, slot: u32) {
        self.counts.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("true_false", &mut self.counts)
    }
}
