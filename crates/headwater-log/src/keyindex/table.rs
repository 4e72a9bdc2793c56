//! [`TermTable`]: what is known of each of many terms, whose bytes lie one behind the other. A term costs no memory of its own from the
//! allocator, and all of them go at once.

use hashbrown::HashTable;

use crate::batch::{get_uvarint, put_uvarint};

use super::term::TermRef;

/// A table of terms.
#[derive(Debug)]
pub(super) struct TermTable<V> {
    slots: HashTable<Slot<V>>,
    /// The terms that were inserted since it was empty, each behind its length.
    bytes: Vec<u8>,
}

#[derive(Debug)]
struct Slot<V> {
    hash: u64,
    /// Where its length and its bytes are.
    at: usize,
    value: V,
}

impl<V> Slot<V> {
    fn term<'a>(&self, bytes: &'a [u8]) -> TermRef<'a> {
        let mut at = self.at;
        let len = get_uvarint(bytes, &mut at).unwrap_or_default() as usize;
        TermRef::new(&bytes[at..at + len], self.hash)
    }
}

impl<V> Default for TermTable<V> {
    fn default() -> Self {
        Self {
            slots: HashTable::new(),
            bytes: Vec::new(),
        }
    }
}

impl<V> TermTable<V> {
    /// Bytes that a term needs besides its own, those of its length included.
    pub(super) const SLOT_BYTES: usize = size_of::<Slot<V>>() + 2;

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    pub(super) fn get(&self, term: TermRef<'_>) -> Option<&V> {
        let is_it = |slot: &Slot<V>| slot.term(&self.bytes).bytes() == term.bytes();
        let slot = self.slots.find(term.hash(), is_it)?;
        Some(&slot.value)
    }

    pub(super) fn get_mut(&mut self, term: TermRef<'_>) -> Option<&mut V> {
        let is_it = |slot: &Slot<V>| slot.term(&self.bytes).bytes() == term.bytes();
        let slot = self.slots.find_mut(term.hash(), is_it)?;
        Some(&mut slot.value)
    }

    /// Adds a term that is not there.
    pub(super) fn insert(&mut self, term: TermRef<'_>, value: V) {
        let slot = Slot {
            hash: term.hash(),
            at: self.bytes.len(),
            value,
        };
        put_uvarint(&mut self.bytes, term.bytes().len() as u64);
        self.bytes.extend_from_slice(term.bytes());
        self.slots.insert_unique(slot.hash, slot, |slot| slot.hash);
    }

    pub(super) fn remove(&mut self, term: TermRef<'_>) -> Option<V> {
        let is_it = |slot: &Slot<V>| slot.term(&self.bytes).bytes() == term.bytes();
        let found = self.slots.find_entry(term.hash(), is_it).ok()?;
        let (slot, _) = found.remove();
        if self.slots.is_empty() {
            self.bytes.clear();
        }
        Some(slot.value)
    }

    pub(super) fn clear(&mut self) {
        self.slots.clear();
        self.bytes.clear();
    }

    /// All of them, in no order.
    pub(super) fn iter(&self) -> impl Iterator<Item = (TermRef<'_>, &V)> {
        let slots = self.slots.iter();
        slots.map(|slot| (slot.term(&self.bytes), &slot.value))
    }

    /// All of them, by hash and then by bytes: the order of a run.
    pub(super) fn sorted(&self) -> Vec<(TermRef<'_>, &V)> {
        let mut all: Vec<_> = self.iter().collect();
        all.sort_unstable_by(|(a, _), (b, _)| (a.hash(), a.bytes()).cmp(&(b.hash(), b.bytes())));
        all
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
            let sorted: Vec<_> = sorted.iter().map(|(term, value)| (term.bytes(), **value)).collect();
            let expected: Vec<_> = expected.iter().map(|(term, value)| (term.as_ref().bytes(), *value)).collect();
            proptest::prop_assert_eq!(sorted, expected);
        }
    }
}
