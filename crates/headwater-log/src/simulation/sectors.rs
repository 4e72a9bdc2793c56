//! The bytes of one simulated file: what is durable, and for each sector that was written since the last sync every
//! content that it had, any of which may be what a crash leaves.

use std::collections::BTreeMap;

use super::faulty::Dice;

/// What a disk writes at once or not at all.
const SECTOR_BYTES: usize = 512;

/// A simulated file.
#[derive(Debug, Clone, Default)]
pub(super) struct Sectors {
    /// What a crash cannot take.
    durable: Vec<u8>,
    /// What is read.
    now: Vec<u8>,
    /// Contents of sectors since the last sync.
    unsynced: BTreeMap<usize, Vec<Vec<u8>>>,
}

impl Sectors {
    /// What is read.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.now
    }

    /// Writes, unsynced.
    pub(super) fn write(&mut self, bytes: &[u8], at: usize) {
        let end = at + bytes.len();
        if self.now.len() < end {
            self.now.resize(end, 0);
        }
        self.now[at..end].copy_from_slice(bytes);
        for sector in at / SECTOR_BYTES..end.div_ceil(SECTOR_BYTES) {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.now.len());
            let content = self.now[from..to].to_vec();
            self.unsynced.entry(sector).or_default().push(content);
        }
    }

    /// Makes everything durable.
    pub(super) fn sync(&mut self) {
        for sector in std::mem::take(&mut self.unsynced).into_keys() {
            let from = sector * SECTOR_BYTES;
            let to = (from + SECTOR_BYTES).min(self.now.len());
            if self.durable.len() < to {
                self.durable.resize(to, 0);
            }
            self.durable[from..to].copy_from_slice(&self.now[from..to]);
        }
    }

    /// What a crash leaves: of every unsynced sector any content that it had, with a chance of `keep` in four that
    /// it is not the durable one.
    pub(super) fn crash(mut self, dice: &mut Dice, keep: u64) -> Self {
        for (sector, contents) in std::mem::take(&mut self.unsynced) {
            if dice.below(4) >= keep {
                continue;
            }
            let content = &contents[dice.below(contents.len() as u64) as usize];
            let from = sector * SECTOR_BYTES;
            let to = from + content.len();
            if self.durable.len() < to {
                self.durable.resize(to, 0);
            }
            self.durable[from..to].copy_from_slice(content);
        }
        self.now.clone_from(&self.durable);
        self
    }

    /// Turns one bit over, for good; false if there is no such byte.
    pub(super) fn flip(&mut self, at: usize, bit: u8) -> bool {
        let Some(byte) = self.now.get_mut(at) else {
            return false;
        };
        *byte ^= 1 << (bit % 8);
        self.durable.clone_from(&self.now);
        true
    }
}
