//! `min` and `max` of input with deletions.

use std::collections::BTreeMap;

use arrow::array::ArrayRef;

use super::keys::{Codec, Keep};
use crate::error::Result;
use crate::operator::aggregate::rows::{Accumulator, Rows};
use crate::state::{Paged, StateVisitor};

/// Least or greatest values of input with deletions: all values with their counts.
#[derive(Debug)]
pub(in crate::operator::aggregate) struct Extremes<C: Codec> {
    arg: usize,
    greatest: bool,
    codec: C,
    values: Paged<BTreeMap<C::Key, i64>, 6>,
}

impl<C: Codec> Extremes<C> {
    pub(in crate::operator::aggregate) fn new(arg: usize, greatest: bool, codec: C) -> Self {
        Self {
            arg,
            greatest,
            codec,
            values: Paged::new(),
        }
    }
}

/// Adds to a count and forgets it at zero.
pub(in crate::operator::aggregate) fn add<K: Ord>(
    counts: &mut BTreeMap<K, i64>,
    key: K,
    weight: i64,
) {
    use std::collections::btree_map::Entry;
    if weight == 0 {
        return;
    }
    match counts.entry(key) {
        Entry::Vacant(vacant) => {
            vacant.insert(weight);
        }
        Entry::Occupied(mut found) => {
            *found.get_mut() += weight;
            if *found.get() == 0 {
                found.remove();
            }
        }
    }
}

impl<C: Codec> Accumulator for Extremes<C>
where
    C::Key: Keep,
{
    fn grow(&mut self, slots: usize) {
        self.values.grow(slots);
    }

    fn update(&mut self, rows: &Rows<'_>) -> Result<()> {
        let values = &mut self.values;
        self.codec.each(rows, self.arg, |slot, found, weight| {
            add(values.get_mut(slot), Keep::keep(found), weight);
        })
    }

    fn merge(&mut self, into: u32, from: u32) {
        let from = self.values.get(from).clone();
        let into = self.values.get_mut(into);
        for (key, count) in from {
            add(into, key, count);
        }
    }

    fn evaluate(&self, slots: &[u32]) -> Result<ArrayRef> {
        let keys = slots.iter().map(|slot| {
            let mut present = self.values.get(*slot).iter().filter(|(_, n)| **n > 0);
            let found = if self.greatest {
                present.next_back()
            } else {
                present.next()
            };
            found.map(|(key, _)| key)
        });
        self.codec.array(&keys.collect::<Vec<_>>())
    }

    fn clear(&mut self, slot: u32) {
        self.values.clear(slot);
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("values", &mut self.values)
    }
}
