//! [`Cache`]: what was read from files and may soon be read again, within a bound of bytes. Pure memory: it knows nothing
//! of what it holds. What has gone from the log is never asked for again and is pushed out by what is.

use std::hash::BuildHasher;
use std::sync::{Arc, Mutex, PoisonError};

use hashbrown::{DefaultHashBuilder, HashMap};

/// Parts that are locked apart from each other, so that readers seldom meet.
const SHARDS: usize = 16;
/// Bytes that an entry needs besides its value.
const ENTRY_BYTES: usize = 96;

/// What a cached value was read from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Place {
    /// The [serial number](crate::segment::Segment::serial) of a segment.
    pub(crate) segment: u64,
    /// Where in the segment.
    pub(crate) at: u32,
}

/// Values by place; those that were not asked for lately make room for new ones ("second chance").
#[derive(Debug)]
pub(crate) struct Cache<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    shard_bytes_max: usize,
    hasher: DefaultHashBuilder,
}

/// Invariants: `slots` says where in `entries` each place is; `bytes` is the sum of theirs.
#[derive(Debug)]
struct Shard<V> {
    slots: HashMap<Place, usize>,
    entries: Vec<Entry<V>>,
    /// The entry that is looked at next when room is needed.
    hand: usize,
    bytes: usize,
}

#[derive(Debug)]
struct Entry<V> {
    place: Place,
    value: Arc<V>,
    bytes: usize,
    /// Whether it was asked for since the hand came by.
    was_used: bool,
}

impl<V> Cache<V> {
    /// Room for about `bytes_max` bytes.
    pub(crate) fn new(bytes_max: usize) -> Self {
        let shard = || {
            Mutex::new(Shard {
                slots: HashMap::new(),
                entries: Vec::new(),
                hand: 0,
                bytes: 0,
            })
        };
        Self {
            shards: std::iter::repeat_with(shard).take(SHARDS).collect(),
            shard_bytes_max: bytes_max / SHARDS,
            hasher: DefaultHashBuilder::default(),
        }
    }

    fn with<T>(&self, place: Place, f: impl FnOnce(&mut Shard<V>) -> T) -> T {
        let shard = self.hasher.hash_one(place) as usize % SHARDS;
        f(&mut self.shards[shard]
            .lock()
            .unwrap_or_else(PoisonError::into_inner))
    }

    /// What was read from there, if it is still known.
    pub(crate) fn get(&self, place: Place) -> Option<Arc<V>> {
        self.with(place, |shard| {
            let entry = &mut shard.entries[*shard.slots.get(&place)?];
            entry.was_used = true;
            Some(Arc::clone(&entry.value))
        })
    }

    /// Remembers a value of so many bytes, in the place of what was known before. One that is larger than its part of the cache
    /// is not remembered.
    pub(crate) fn insert(&self, place: Place, value: &Arc<V>, bytes: usize) {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.shard_bytes_max {
            return;
        }
        let entry = Entry {
            place,
            value: Arc::clone(value),
            bytes,
            was_used: false,
        };
        self.with(place, |shard| {
            if let Some(at) = shard.slots.get(&place).copied() {
                shard.remove(at);
            }
            while shard.bytes + bytes > self.shard_bytes_max {
                shard.make_room();
            }
            shard.bytes += bytes;
            shard.slots.insert(place, shard.entries.len());
            shard.entries.push(entry);
        });
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        let bytes = |shard: &Mutex<Shard<V>>| {
            let shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.bytes
        };
        self.shards.iter().map(bytes).sum()
    }
}

impl<V> Shard<V> {
    /// Forgets the next entry that was not used lately. There is one.
    fn make_room(&mut self) {
        loop {
            if self.hand >= self.entries.len() {
                self.hand = 0;
            }
            if !std::mem::take(&mut self.entries[self.hand].was_used) {
                return self.remove(self.hand);
            }
            self.hand += 1;
        }
    }

    fn remove(&mut self, at: usize) {
        let gone = self.entries.swap_remove(at);
        self.slots.remove(&gone.place);
        self.bytes -= gone.bytes;
        if let Some(moved) = self.entries.get(at) {
            self.slots.insert(moved.place, at);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(n: u32) -> Place {
        Place {
            segment: u64::from(n / 100),
            at: n % 100,
        }
    }

    #[test]
    fn what_is_used_stays_and_the_bound_holds() {
        let cache = Cache::new(SHARDS * 100 * (ENTRY_BYTES + 10));
        for n in 0..20_000 {
            cache.insert(place(n), &Arc::new(n), 10);
            assert_eq!(cache.get(place(7)).as_deref(), Some(&7).filter(|_| n >= 7));
            assert!(cache.bytes() <= SHARDS * 100 * (ENTRY_BYTES + 10));
        }
        let known: Vec<u32> = (0..20_000)
            .filter(|n| cache.get(place(*n)).is_some())
            .collect();
        assert!(known.len() > 1000, "{} are known", known.len());
        assert!(
            known
                .iter()
                .all(|n| cache.get(place(*n)).as_deref() == Some(n))
        );
    }

    #[test]
    fn a_value_takes_the_place_of_an_older_one_and_a_huge_one_is_let_go() {
        let cache = Cache::new(1 << 20);
        cache.insert(place(1), &Arc::new("old"), 10);
        cache.insert(place(1), &Arc::new("new"), 20);
        assert_eq!(cache.get(place(1)).as_deref(), Some(&"new"));
        assert_eq!(cache.bytes(), 20 + ENTRY_BYTES);
        cache.insert(place(2), &Arc::new("huge"), 1 << 20);
        assert_eq!(cache.get(place(2)), None);
    }
}
