//! The hash index of a [`KeyTable`](super::KeyTable): hashes to slots, open addressing with linear probing. An entry is
//! one word, so that a look-up costs one cache line here; a batch of them is looked up together, so that their cache
//! misses overlap.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

/// Slots by hash.
///
/// Invariants: the length of `entries` is a power of two and at least one entry in four is empty; every entry can be
/// reached from its hash's place without passing an empty one.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// The hash above, the slot plus one below; 0 is empty.
    entries: Vec<u64>,
    len: usize,
}

const LEAST: usize = 16;

impl Index {
    pub(super) fn new() -> Self {
        Self {
            entries: vec![0; LEAST],
            len: 0,
        }
    }

    pub(super) fn len(&self) -> usize {
        self.len
    }

    /// The first slot whose hash is `hash`, which is the one that is looked for in all but one of 2^32 cases.
    #[inline]
    pub(super) fn candidate(&self, hash: u32) -> Option<u32> {
        self.find(hash, |_| true)
    }

    /// The slot with this hash for which `is_it` holds.
    #[inline]
    pub(super) fn find(&self, hash: u32, mut is_it: impl FnMut(u32) -> bool) -> Option<u32> {
        let mask = self.entries.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let entry = self.entries[at];
            if entry == 0 {
                return None;
            }
            if (entry >> 32) as u32 == hash && is_it(slot_of(entry)) {
                return Some(slot_of(entry));
            }
            at = (at + 1) & mask;
        }
    }

    /// Adds a slot that is not there.
    pub(super) fn insert(&mut self, hash: u32, slot: u32) {
        if (self.len + 1) * 4 > self.entries.len() * 3 {
            self.double();
        }
        self.len += 1;
        self.put(u64::from(hash) << 32 | u64::from(slot + 1));
    }

    #[inline]
    fn put(&mut self, entry: u64) {
        let mask = self.entries.len() - 1;
        let mut at = (entry >> 32) as usize & mask;
        while self.entries[at] != 0 {
            at = (at + 1) & mask;
        }
        self.entries[at] = entry;
    }

    fn double(&mut self) {
        let length = self.entries.len() * 2;
        let old = std::mem::replace(&mut self.entries, vec![0; length]);
        for entry in old {
            if entry != 0 {
                self.put(entry);
            }
        }
    }

    /// Removes a slot that is there, and closes the gap.
    pub(super) fn remove(&mut self, hash: u32, slot: u32) {
        let mask = self.entries.len() - 1;
        let wanted = u64::from(hash) << 32 | u64::from(slot + 1);
        let mut gap = hash as usize & mask;
        while self.entries[gap] != wanted {
            if self.entries[gap] == 0 {
                return;
            }
            gap = (gap + 1) & mask;
        }
        self.len -= 1;
        let mut at = gap;
        loop {
            at = (at + 1) & mask;
            let entry = self.entries[at];
            if entry == 0 {
                break;
            }
            let home = (entry >> 32) as usize & mask;
            // An entry may move back to the gap unless its home lies behind the gap.
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(gap) & mask) {
                self.entries[gap] = entry;
                gap = at;
            }
        }
        self.entries[gap] = 0;
    }
}

#[inline]
fn slot_of(entry: u64) -> u32 {
    entry as u32 - 1
}

/// Slots to be used again, the lowest first: which slot a key gets depends on the live slots alone, and so is the same
/// after a restore.
#[derive(Debug, Clone, Default)]
pub(super) struct FreeSlots(BinaryHeap<Reverse<u32>>);

impl FreeSlots {
    pub(super) fn push(&mut self, slot: u32) {
        self.0.push(Reverse(slot));
    }

    pub(super) fn pop(&mut self) -> Option<u32> {
        self.0.pop().map(|slot| slot.0)
    }

    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;

    /// Few hashes, so that many entries share their place.
    #[test]
    fn removals_leave_every_other_entry_in_reach() {
        for seed in 0..20 {
            let mut rng = StdRng::seed_from_u64(seed);
            let (mut index, mut model) = (Index::new(), BTreeMap::new());
            for slot in 0..600_u32 {
                let hash = rng.random_range(0..64) * 7;
                index.insert(hash, slot);
                model.insert(slot, hash);
                if rng.random_bool(0.4) {
                    let victim = *model
                        .keys()
                        .nth(rng.random_range(0..model.len()))
                        .expect("one");
                    index.remove(model.remove(&victim).expect("is there"), victim);
                }
            }
            assert_eq!(index.len(), model.len());
            for slot in 0..600 {
                let hash = model.get(&slot).copied();
                let found = hash.and_then(|h| index.find(h, |s| s == slot));
                assert_eq!(found, hash.map(|_| slot), "seed {seed}");
            }
        }
    }
}
