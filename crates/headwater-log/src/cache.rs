//! [`Cache`]: what was read from files and may soon be read again, within a bound of bytes. Pure memory: it knows nothing
//! of what it holds. What has gone from the log is never asked for again and is pushed out by what is.

use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

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

/// Values by place; those that were not asked for lately make room for new ones ("second chance"). A part may hold more than its
/// share while others hold less: large values do not spread evenly, and those of one part would push each other out.
#[derive(Debug)]
pub(crate) struct Cache<V> {
    shards: Box<[Mutex<Shard<V>>]>,
    bytes_max: usize,
    /// What all parts hold.
    bytes: AtomicUsize,
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
            bytes_max,
            bytes: AtomicUsize::new(0),
            hasher: DefaultHashBuilder::default(),
        }
    }

    /// The number of the part that a place belongs to.
    fn shard_of(&self, place: Place) -> usize {
        self.hasher.hash_one(place) as usize % SHARDS
    }

    fn lock(&self, shard: usize) -> MutexGuard<'_, Shard<V>> {
        let shard = &self.shards[shard % SHARDS];
        shard.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a part has at least before anything of it makes room.
    fn share(&self) -> usize {
        self.bytes_max / SHARDS
    }

    /// What was read from there, if it is still known.
    pub(crate) fn get(&self, place: Place) -> Option<Arc<V>> {
        let mut shard = self.lock(self.shard_of(place));
        let at = *shard.slots.get(&place)?;
        let entry = &mut shard.entries[at];
        entry.was_used = true;
        Some(Arc::clone(&entry.value))
    }

    /// Remembers a value of so many bytes, in the place of what was known before. One that is larger than a part's share of the
    /// cache is not remembered.
    pub(crate) fn insert(&self, place: Place, value: &Arc<V>, bytes: usize) {
        let bytes = bytes + ENTRY_BYTES;
        if bytes > self.share() {
            return;
        }
        let entry = Entry {
            place,
            value: Arc::clone(value),
            bytes,
            was_used: false,
        };
        self.bytes.fetch_add(bytes, Ordering::Relaxed);
        let own = self.shard_of(place);
        let mut shard = self.lock(own);
        if let Some(at) = shard.slots.get(&place).copied() {
            self.forget(shard.remove(at));
        }
        self.make_room(&mut shard, bytes);
        shard.bytes += bytes;
        let at = shard.entries.len();
        shard.slots.insert(place, at);
        shard.entries.push(entry);
        drop(shard);
        // If it has its share at most, others have more.
        for other in own + 1..own + SHARDS {
            if !self.is_full() {
                break;
            }
            self.make_room(&mut self.lock(other), 0);
        }
    }

    fn is_full(&self) -> bool {
        self.bytes.load(Ordering::Relaxed) > self.bytes_max
    }

    fn forget(&self, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
    }

    /// Takes entries out of a part until the cache is within its bound, or the part, with so many bytes more, within its share.
    fn make_room(&self, shard: &mut Shard<V>, more: usize) {
        while self.is_full() && shard.bytes > 0 && shard.bytes + more > self.share() {
            self.forget(shard.take_one());
        }
    }

    /// Bytes that it holds.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }
}

impl<V> Shard<V> {
    /// Forgets the next entry that was not used lately. There is one. Gives its bytes.
    fn take_one(&mut self) -> usize {
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

    fn remove(&mut self, at: usize) -> usize {
        let gone = self.entries.swap_remove(at);
        self.slots.remove(&gone.place);
        self.bytes -= gone.bytes;
        if let Some(moved) = self.entries.get(at) {
            self.slots.insert(moved.place, at);
        }
        gone.bytes
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
    fn large_values_stay_as_long_as_all_of_them_have_room() {
        let values = SHARDS as u32 * 6;
        let cache = Cache::new(values as usize * (ENTRY_BYTES + 1000));
        for n in 0..values {
            cache.insert(place(n), &Arc::new(n), 1000);
        }
        assert!((0..values).all(|n| cache.get(place(n)).as_deref() == Some(&n)));
        cache.insert(place(values), &Arc::new(values), 1000);
        let known = (0..=values).filter(|n| cache.get(place(*n)).is_some());
        assert_eq!(known.count(), values as usize);
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
