//! A column of state, by slot.

use std::sync::Arc;

use arrow::array::ArrayRef;

use super::page::Page;
use super::snapshot::{EncodePage, FrozenColumn, StateColumn};
use super::value::StateValue;
use crate::error::Result;

/// A growing column of values by slot, cut into pages of `2^BITS` slots. Values that are large themselves want
/// small pages: a page is what is copied when it is written while a snapshot holds it.
///
/// Invariant: every page but the last is full.
#[derive(Debug)]
pub struct Paged<T, const BITS: usize = 12> {
    pages: Vec<Page<Vec<T>>>,
    len: usize,
}

impl<T, const BITS: usize> Default for Paged<T, BITS> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
        }
    }
}

impl<T: StateValue, const BITS: usize> Paged<T, BITS> {
    const MASK: usize = (1 << BITS) - 1;

    /// A column without slots.
    pub fn new() -> Self {
        Self::default()
    }

    /// The number of slots.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether there are no slots.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Makes sure that the slots below `len` exist; new ones hold the default.
    pub fn grow(&mut self, len: usize) {
        while self.len < len {
            if self.len & Self::MASK == 0 {
                self.pages.push(Page::Owned(Vec::new()));
            }
            let end = len.min((self.len | Self::MASK) + 1);
            let page = &mut self.pages[self.len >> BITS];
            page.get_mut()
                .resize_with(((end - 1) & Self::MASK) + 1, T::default);
            self.len = end;
        }
    }

    /// The value of a slot below [`Paged::len`].
    #[inline]
    pub fn get(&self, slot: u32) -> &T {
        let slot = slot as usize;
        &self.pages[slot >> BITS].get()[slot & Self::MASK]
    }

    /// The value of a slot below [`Paged::len`], to be written.
    #[inline]
    pub fn get_mut(&mut self, slot: u32) -> &mut T {
        let slot = slot as usize;
        &mut self.pages[slot >> BITS].get_mut()[slot & Self::MASK]
    }

    /// Puts the default back.
    pub fn clear(&mut self, slot: u32) {
        *self.get_mut(slot) = T::default();
    }
}

impl<T: StateValue> EncodePage for Vec<T> {
    fn to_array(&self) -> Result<ArrayRef> {
        T::to_array(self)
    }
}

impl<T: StateValue, const BITS: usize> StateColumn for Paged<T, BITS> {
    fn freeze(&mut self, all: bool, column: &mut FrozenColumn) {
        for (number, page) in self.pages.iter_mut().enumerate() {
            if let Some(frozen) = page.freeze(all) {
                column.push(number as u32, frozen);
            }
        }
    }

    fn restore(&mut self, pages: &[(u32, ArrayRef)]) -> Result<()> {
        *self = Self::default();
        for (_, array) in pages {
            let values = T::from_array(array)?;
            self.len += values.len();
            self.pages.push(Page::Frozen(Arc::new(values)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snapshot_does_not_see_later_writes() {
        let mut column = Paged::<i64, 4>::new();
        column.grow(40);
        *column.get_mut(17) = 5;
        let mut frozen = FrozenColumn::new("c");
        column.freeze(false, &mut frozen);
        assert_eq!(frozen.pages(), 3);
        *column.get_mut(17) = 6;
        let saved = frozen.arrays().expect("encodes");
        let mut restored = Paged::<i64, 4>::new();
        restored.restore(&saved).expect("restores");
        assert_eq!((restored.len(), *restored.get(17)), (40, 5));
        let mut second = FrozenColumn::new("c");
        column.freeze(false, &mut second);
        assert_eq!(second.pages(), 1, "only the page that was written");
    }
}
