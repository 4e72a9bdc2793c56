//! Keys to slots.

use std::hash::{BuildHasher, Hasher};
use std::sync::Arc;

use ahash::RandomState;
use arrow::array::{Array, ArrayRef, AsArray};

use super::codec::Keys;
use super::index::{FreeSlots, Index};
use super::key_page::{KeyPage, same};
use super::page::Page;
use super::snapshot::{FrozenColumn, StateColumn};
use crate::error::{Error, ErrorKind, Result};

const BITS: usize = 12;
const MASK: usize = (1 << BITS) - 1;

/// A hash index from key bytes to slots. A slot stays the same until its key is removed; removed slots are used again.
///
/// Invariants: the index holds exactly the live slots; every slot that is not live is on the free list once.
#[derive(Debug)]
pub struct KeyTable {
    index: Index,
    pages: Vec<Page<KeyPage>>,
    /// Length of every key, if they are all equally long.
    width: Option<usize>,
    free: FreeSlots,
    slots: usize,
    hasher: RandomState,
}

/// How many keys are looked up together.
const BLOCK: usize = 32;

impl KeyTable {
    /// An empty table; `width` says that every key is so many bytes long.
    pub fn new(width: Option<usize>) -> Self {
        Self {
            index: Index::new(),
            pages: Vec::new(),
            width,
            free: FreeSlots::default(),
            slots: 0,
            hasher: RandomState::with_seeds(0x51_7c_c1, 0xb7_27_22, 0x0a_94_fe, 0x13_a8_e6),
        }
    }

    /// The number of keys.
    pub fn len(&self) -> usize {
        self.index.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.index.len() == 0
    }

    /// One more than the highest slot ever used: what columns must [grow](super::Paged::grow) to.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// The key of a live slot.
    #[inline]
    pub fn key(&self, slot: u32) -> &[u8] {
        self.pages[slot as usize >> BITS]
            .get()
            .key(slot as usize & MASK)
    }

    /// Whether the slot holds a key.
    pub fn is_live(&self, slot: u32) -> bool {
        self.pages
            .get(slot as usize >> BITS)
            .is_some_and(|p| p.get().live.get(slot as usize & MASK) == Some(&true))
    }

    /// The live slots, ascending.
    pub fn live_slots(&self) -> impl Iterator<Item = u32> + '_ {
        (0..self.slots as u32).filter(|s| self.is_live(*s))
    }

    /// The slot of a key, if it has one.
    #[inline]
    pub fn find(&self, key: &[u8]) -> Option<u32> {
        let hash = self.hash(key);
        self.index.find(hash, |slot| same(self.key(slot), key))
    }

    /// The slot of a key, which gets one if it has none.
    #[inline]
    pub fn intern(&mut self, key: &[u8]) -> u32 {
        let hash = self.hash(key);
        self.intern_hashed(hash, key).0
    }

    /// As [`KeyTable::intern`], and whether the key is new.
    #[inline]
    pub fn intern_new(&mut self, key: &[u8]) -> (u32, bool) {
        let hash = self.hash(key);
        self.intern_hashed(hash, key)
    }

    /// Interns every row; `slots` is cleared first and then holds one slot a row.
    pub fn intern_keys(&mut self, keys: &Keys, slots: &mut Vec<u32>) {
        self.intern_many(keys.len(), |i| keys.key(i), slots, |_, _| {});
    }

    /// Interns the keys of `count` rows; `slots` is cleared first and then holds one slot a row. Calls `admitted` with
    /// the slot and row of each new key. Faster than one by one: the cache misses of a block of rows overlap.
    #[inline]
    pub fn intern_many<'a>(
        &mut self,
        count: usize,
        key: impl Fn(usize) -> &'a [u8],
        slots: &mut Vec<u32>,
        mut admitted: impl FnMut(u32, usize),
    ) {
        slots.clear();
        slots.reserve(count);
        let mut hashes = [0; BLOCK];
        let mut candidates = [None; BLOCK];
        for first in (0..count).step_by(BLOCK) {
            let rows = BLOCK.min(count - first);
            for (i, hash) in hashes[..rows].iter_mut().enumerate() {
                *hash = self.hash(key(first + i));
            }
            for (hash, candidate) in hashes[..rows].iter().zip(&mut candidates) {
                *candidate = self.index.candidate(*hash);
            }
            for i in 0..rows {
                let (key, hash) = (key(first + i), hashes[i]);
                let slot = match candidates[i] {
                    Some(slot) if same(self.key(slot), key) => slot,
                    _ => {
                        let (slot, is_new) = self.intern_hashed(hash, key);
                        if is_new {
                            admitted(slot, first + i);
                        }
                        slot
                    }
                };
                slots.push(slot);
            }
        }
    }

    /// Forgets the key of a live slot. The slot will be used again: what columns remember of it must be cleared.
    pub fn remove(&mut self, slot: u32) {
        if !self.is_live(slot) {
            return;
        }
        self.index.remove(self.hash(self.key(slot)), slot);
        self.pages[slot as usize >> BITS]
            .get_mut()
            .remove(slot as usize & MASK);
        self.free.push(slot);
    }

    #[inline]
    fn hash(&self, key: &[u8]) -> u32 {
        let mut hasher = self.hasher.build_hasher();
        hasher.write(key);
        hasher.finish() as u32
    }

    #[inline]
    fn intern_hashed(&mut self, hash: u32, key: &[u8]) -> (u32, bool) {
        match self.index.find(hash, |slot| same(self.key(slot), key)) {
            Some(slot) => (slot, false),
            None => (self.admit(hash, key), true),
        }
    }

    fn admit(&mut self, hash: u32, key: &[u8]) -> u32 {
        let slot = self.free.pop().unwrap_or(self.slots as u32);
        self.index.insert(hash, slot);
        self.store(slot, key);
        slot
    }

    fn store(&mut self, slot: u32, key: &[u8]) {
        let at = slot as usize;
        if at == self.slots {
            if at & MASK == 0 {
                self.pages.push(Page::Owned(KeyPage::new(self.width)));
            }
            self.slots += 1;
        }
        self.pages[at >> BITS].get_mut().store(at & MASK, key);
    }

    /// Checks the invariants.
    ///
    /// # Errors
    /// `Bug` if one does not hold.
    pub fn check_invariants(&self) -> Result<()> {
        let live = self.live_slots().count();
        if live != self.index.len() || live + self.free.len() != self.slots {
            return Err(Error::new(
                ErrorKind::Bug,
                "a key table's index does not fit its slots",
            ));
        }
        Ok(())
    }
}

impl StateColumn for KeyTable {
    fn freeze(&mut self, all: bool, column: &mut FrozenColumn) {
        for (number, page) in self.pages.iter_mut().enumerate() {
            if let Some(frozen) = page.freeze(all) {
                column.push(number as u32, frozen);
            }
        }
    }

    fn restore(&mut self, pages: &[(u32, ArrayRef)]) -> Result<()> {
        *self = Self::new(self.width);
        for (_, array) in pages {
            let keys = array
                .as_binary_opt::<i32>()
                .ok_or_else(|| Error::new(ErrorKind::Corrupt, "snapshot keys are not binary"))?;
            let mut page = KeyPage::new(self.width);
            let dead = vec![0; self.width.unwrap_or(0)];
            for (i, key) in keys.iter().enumerate() {
                if key.is_some_and(|k| self.width.is_some_and(|w| w != k.len())) {
                    return Err(Error::new(
                        ErrorKind::Corrupt,
                        "a snapshot key has another length",
                    ));
                }
                page.store(i, key.unwrap_or(&dead));
                page.live[i] = key.is_some();
                let slot = (self.slots + i) as u32;
                match key {
                    Some(key) => {
                        self.index.insert(self.hash(key), slot);
                    }
                    None => self.free.push(slot),
                }
            }
            self.slots += keys.len();
            self.pages.push(Page::Frozen(Arc::new(page)));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(width: Option<usize>, key: impl Fn(u32) -> Vec<u8>) {
        let mut table = KeyTable::new(width);
        let slots: Vec<u32> = (0..10_000).map(|i| table.intern(&key(i))).collect();
        assert_eq!(table.intern(&key(77)), slots[77]);
        for i in (0..10_000).step_by(3) {
            table.remove(slots[i as usize]);
            assert_eq!(table.find(&key(i)), None);
        }
        let again = table.intern(&key(99_999));
        assert!(slots.contains(&again), "removed slots are used again");
        table.check_invariants().expect("holds");

        let mut frozen = FrozenColumn::new("keys");
        table.freeze(false, &mut frozen);
        let mut restored = KeyTable::new(width);
        restored
            .restore(&frozen.arrays().expect("encodes"))
            .expect("restores");
        restored.check_invariants().expect("holds");
        assert_eq!(restored.len(), table.len());
        for i in 0..10_000 {
            assert_eq!(restored.find(&key(i)), table.find(&key(i)));
        }
    }

    #[test]
    fn keys_of_one_width_keep_their_slots() {
        check(Some(8), |i| u64::from(i).to_be_bytes().to_vec());
    }

    #[test]
    fn keys_of_many_widths_keep_their_slots() {
        check(None, |i| {
            "k".repeat(i as usize % 17)
                .into_bytes()
                .into_iter()
                .chain(i.to_be_bytes())
                .collect()
        });
    }
}
