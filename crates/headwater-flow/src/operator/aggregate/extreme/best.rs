//! `min` and `max` of append-only input.

use arrow::array::ArrayRef;

use super::keys::{Codec, Keep};
use crate::error::Result;
use crate::operator::aggregate::rows::{Accumulator, Rows};
use crate::state::{Paged, StateVisitor};

/// Least or greatest values of append-only input.
#[derive(Debug)]
pub(in crate::operator::aggregate) struct Best<C: Codec> {
    arg: usize,
    greatest: bool,
    codec: C,
    best: Paged<(bool, C::Key)>,
}

impl<C: Codec> Best<C> {
    pub(in crate::operator::aggregate) fn new(arg: usize, greatest: bool, codec: C) -> Self {
        Self {
            arg,
            greatest,
            codec,
            best: Paged::new(),
        }
    }
}

impl<C: Codec> Accumulator for Best<C>
where
    C::Key: Keep,
{
    fn grow(&mut self, slots: usize) {
        self.best.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let (best, greatest) = (&mut self.best, self.greatest);
        self.codec.each(rows, self.arg, |slot, found, _| {
            let (is_set, value) = best.get(slot);
            if !is_set || Keep::beats(&found, value, greatest) {
                *best.get_mut(slot) = (true, Keep::keep(found));
            }
        })
    }

    fn merge(&mut self, into: u32, from: u32) {
        let (is_set, value) = self.best.get(from).clone();
        let (has, best) = self.best.get_mut(into);
        if is_set
            && (!*has
                || if self.greatest {
                    value > *best
                } else {
                    value < *best
                })
        {
            (*has, *best) = (true, value);
        }
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let keys = slots.iter().map(|slot| {
            let (is_set, value) = self.best.get(*slot);
            is_set.then_some(value)
        });
        self.codec.array(&keys.collect::<Vec<_>>())
    }

    fn clear(&mut self, slot: u32) {
        self.best.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("best", &mut self.best)
    }
}
