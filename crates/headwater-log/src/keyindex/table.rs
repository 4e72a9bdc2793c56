//! [`TermTable`]: what is known of each of many terms. They lie one behind the other in the order in which they came, and only their
//! numbers in a hash table: that is never full, and what it does not need must not be touched, for the kernel clears fresh memory at a
//! price.

use hashbrown::HashTable;
use hashbrown::hash_table::OccupiedEntry;
use smallvec::SmallVec;

use crate::batch::{VARINT_BYTES_MAX, get_uvarint, put_uvarint};

use super::pieces::{At, Bytes, Pieces};
use super::term::TermRef;

/// Terms that are fetched from memory together.
const FETCHED: usize = 32;

/// A table of terms.
#[derive(Debug)]
pub(super) struct TermTable<V> {
    numbers: HashTable<Number>,
    slots: Pieces<Slot<V>>,
    /// The terms that were inserted since it was empty, each behind its length.
    bytes: Bytes,
}

/// The number of a slot.
#[derive(Debug, Clone, Copy)]
struct Number {
    /// The upper half of its hash, so that a table that grows need not look at slots.
    hash: u32,
    number: u32,
}

impl Number {
    fn of(hash: u64, number: usize) -> Option<Self> {
        Some(Self {
            hash: (hash >> 32) as u32,
            number: u32::try_from(number).ok()?,
        })
    }

    /// What tells its place in the table: the half must do, and the table wants both ends of a word.
    fn place(self) -> u64 {
        u64::from(self.hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
}

#[derive(Debug)]
struct Slot<V> {
    hash: u64,
    /// Where its length and its bytes are.
    at: At,
    value: V,
}

impl<V> Slot<V> {
    fn term<'a>(&self, bytes: &'a Bytes) -> TermRef<'a> {
        let (bytes, mut at) = (bytes.from(self.at), 0);
        let len = get_uvarint(bytes, &mut at).unwrap_or_default() as usize;
        TermRef::new(&bytes[at..at + len], self.hash)
    }
}

impl<V> Default for TermTable<V> {
    fn default() -> Self {
        Self {
            numbers: HashTable::new(),
            slots: Pieces::default(),
            bytes: Bytes::default(),
        }
    }
}

impl<V> TermTable<V> {
    /// Bytes that a term needs besides its own, those of its length and of its number included.
    pub(super) const SLOT_BYTES: usize = size_of::<Slot<V>>() + 2 * size_of::<Number>() + 2;

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    fn number(&self, term: TermRef<'_>) -> Option<usize> {
        let half = Number::of(term.hash(), 0)?;
        let is_it = |number: &Number| {
            number.hash == half.hash
                && self
                    .slots
                    .get(number.number as usize)
                    .term(&self.bytes)
                    .bytes()
                    == term.bytes()
        };
        let number = self.numbers.find(half.place(), is_it)?;
        Some(number.number as usize)
    }

    pub(super) fn get(&self, term: TermRef<'_>) -> Option<&V> {
        let number = self.number(term)?;
        Some(&self.slots.get(number).value)
    }

    pub(super) fn get_mut(&mut self, term: TermRef<'_>) -> Option<&mut V> {
        let number = self.number(term)?;
        Some(&mut self.slots.get_mut(number).value)
    }

    /// Adds a term that is not there.
    ///
    /// # Panics
    /// At four billion terms, which take more memory than indexes are given.
    pub(super) fn insert(&mut self, term: TermRef<'_>, value: V) {
        let number = Number::of(term.hash(), self.slots.len());
        let number = number.expect("fewer terms than four billion");
        let most = VARINT_BYTES_MAX + term.bytes().len();
        let at = self.bytes.push(most, |out| {
            put_uvarint(out, term.bytes().len() as u64);
            out.extend_from_slice(term.bytes());
        });
        self.slots.push(Slot {
            hash: term.hash(),
            at,
            value,
        });
        let place = |number: &Number| number.place();
        self.numbers.insert_unique(number.place(), number, place);
    }

    pub(super) fn remove(&mut self, term: TermRef<'_>) -> Option<V> {
        let number = self.number(term)?;
        let last = self.slots.len() - 1;
        let last_hash = self.slots.get(last).hash;
        self.entry(term.hash(), number)?.remove();
        if number != last {
            // The last one gets its place, and so its number.
            self.entry(last_hash, last)?.get_mut().number = number as u32;
        }
        let slot = self.slots.swap_remove(number);
        if self.slots.len() == 0 {
            self.bytes.clear();
        }
        Some(slot.value)
    }

    fn entry(&mut self, hash: u64, number: usize) -> Option<OccupiedEntry<'_, Number>> {
        let place = Number::of(hash, number)?.place();
        let is_it = |known: &Number| known.number as usize == number;
        self.numbers.find_entry(place, is_it).ok()
    }

    pub(super) fn clear(&mut self) {
        self.numbers.clear();
        self.slots.clear();
        self.bytes.clear();
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TermRef<'_>, &V)> {
        let slots = self.slots.iter();
        slots.map(|slot| (slot.term(&self.bytes), &slot.value))
    }

    /// All of them, by hash and then by bytes: the order of a run.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (TermRef<'_>, &V)> {
        let numbered = (0u32..).zip(self.slots.iter());
        let mut order: Vec<(u64, u32)> = numbered.map(|(at, slot)| (slot.hash, at)).collect();
        let term = |number: u32| self.slots.get(number as usize).term(&self.bytes).bytes();
        order.sort_unstable_by(|(a, one), (b, other)| {
            a.cmp(b).then_with(|| term(*one).cmp(term(*other)))
        });
        // They lie anywhere: several are fetched from memory at a time.
        let several = (0..order.len()).step_by(FETCHED);
        several.flat_map(move |from| {
            let to = order.len().min(from + FETCHED);
            let fetched = order[from..to].iter().map(|(_, number)| {
                let slot = self.slots.get(*number as usize);
                (slot.term(&self.bytes), &slot.value)
            });
            fetched.collect::<SmallVec<[_; FETCHED]>>()
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::term::Term;
    use super::*;

    proptest::proptest! {
        #[test]
        fn table_knows_what_a_map_knows(steps: Vec<(bool, u8, u32)>) {
            let (mut table, mut map) = (TermTable::default(), BTreeMap::new());
            for (adds, key, value) in steps {
                let term = Term::key(&vec![key; usize::from(key % 20)]);
                match (adds, table.get_mut(term.as_ref())) {
                    (false, _) => {
                        proptest::prop_assert_eq!(table.remove(term.as_ref()), map.remove(term.name()));
                    }
                    (true, Some(known)) => {
                        *known = value;
                        map.insert(term.name().to_vec(), value);
                    }
                    (true, None) => {
                        table.insert(term.as_ref(), value);
                        map.insert(term.name().to_vec(), value);
                    }
                }
                proptest::prop_assert_eq!(table.get(term.as_ref()), map.get(term.name()));
                proptest::prop_assert_eq!(table.len(), map.len());
            }
            let mut expected: Vec<_> = map.iter().map(|(key, value)| (Term::key(key), *value)).collect();
            expected.sort_by(|(a, _), (b, _)| {
                let (a, b) = (a.as_ref(), b.as_ref());
                (a.hash(), a.bytes()).cmp(&(b.hash(), b.bytes()))
            });
            let sorted = table.sorted();
            let sorted: Vec<_> = sorted.map(|(term, value)| (term.bytes(), *value)).collect();
            let expected: Vec<_> = expected.iter().map(|(term, value)| (term.as_ref().bytes(), *value)).collect();
            proptest::prop_assert_eq!(sorted, expected);
        }
    }
}
