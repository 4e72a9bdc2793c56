//! The newest offset of each key, in bounded memory.
//!
//! A key is known by 128 bits of two hashes with random seeds: that two keys of one map share them is
//! less likely than any failure of the disk, and nobody can choose keys that do.

use ahash::RandomState;
use hashbrown::HashTable;

/// Keys to offsets.
#[derive(Debug)]
pub(crate) struct NewestMap {
    table: HashTable<Slot>,
    seeds: [RandomState; 2],
    keys_max: usize,
}

#[derive(Debug)]
struct Slot {
    hashes: [u64; 2],
    offset: u64,
}

impl NewestMap {
    /// A map of at most `keys_max` keys.
    pub(crate) fn new(keys_max: usize) -> Self {
        Self {
            table: HashTable::new(),
            seeds: [RandomState::new(), RandomState::new()],
            keys_max,
        }
    }

    /// Notes a key at an offset higher than those before; false, and nothing noted, if the map is full.
    pub(crate) fn note(&mut self, key: &[u8], offset: u64) -> bool {
        let hashes = self.hashes(key);
        if let Some(slot) = self.table.find_mut(hashes[0], |s| s.hashes == hashes) {
            slot.offset = offset;
            return true;
        }
        if self.table.len() >= self.keys_max {
            return false;
        }
        let slot = Slot { hashes, offset };
        self.table.insert_unique(hashes[0], slot, |s| s.hashes[0]);
        true
    }

    /// The newest offset of a key.
    pub(crate) fn newest(&self, key: &[u8]) -> Option<u64> {
        let hashes = self.hashes(key);
        let slot = self.table.find(hashes[0], |s| s.hashes == hashes);
        slot.map(|slot| slot.offset)
    }

    fn hashes(&self, key: &[u8]) -> [u64; 2] {
        [self.seeds[0].hash_one(key), self.seeds[1].hash_one(key)]
    }
}
