//! The values of each slot as lists, so that a slot can be merged into another or forgotten.

use crate::error::Result;
use crate::state::{Paged, StateVisitor};

/// Doubly linked lists of values, by slot.
#[derive(Default)]
pub(super) struct SlotLists {
    /// By slot its first value plus one.
    heads: Paged<u32>,
    /// By value the next and the previous plus one.
    links: Paged<(u32, u32)>,
}

impl SlotLists {
    pub(super) fn grow_slots(&mut self, slots: usize) {
        self.heads.grow(slots);
    }

    pub(super) fn grow_values(&mut self, values: usize) {
        self.links.grow(values);
    }

    /// Puts a new value at the head of a slot's list.
    pub(super) fn link(&mut self, value: u32, slot: u32) {
        let head = std::mem::replace(self.heads.get_mut(slot), value + 1);
        *self.links.get_mut(value) = (head, 0);
        if head > 0 {
            self.links.get_mut(head - 1).1 = value + 1;
        }
    }

    /// Takes a value out of a slot's list.
    pub(super) fn unlink(&mut self, value: u32, slot: u32) {
        let (next, previous) = *self.links.get(value);
        match previous {
            0 => *self.heads.get_mut(slot) = next,
            at => self.links.get_mut(at - 1).0 = next,
        }
        if next > 0 {
            self.links.get_mut(next - 1).1 = previous;
        }
    }

    /// The values of a slot, the oldest first.
    pub(super) fn of(&self, slot: u32) -> Vec<u32> {
        let mut values = Vec::new();
        let mut next = *self.heads.get(slot);
        while next > 0 {
            values.push(next - 1);
            next = self.links.get(next - 1).0;
        }
        values.reverse();
        values
    }

    /// Forgets a slot's list.
    pub(super) fn clear(&mut self, slot: u32) {
        self.heads.clear(slot);
    }

    pub(super) fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("heads", &mut self.heads)?;
        visitor.column("links", &mut self.links)
    }
}
