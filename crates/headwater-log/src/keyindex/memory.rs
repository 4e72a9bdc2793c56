//! The part of a key index that is in memory: what came since the last checkpoint.

use std::ops::Range;

use hashbrown::HashTable;

use super::postings::{Posting, PostingList};
use super::term::{TermRef, has_versions};

/// Bytes that the table needs for an entry besides its term and deltas.
const ENTRY_BYTES: usize = size_of::<Entry>() + 8;

#[derive(Debug)]
pub(super) struct Entry {
    pub(super) hash: u64,
    pub(super) term: Box<[u8]>,
    pub(super) list: PostingList,
}

/// Terms of the records in an offset range.
#[derive(Debug)]
pub(super) struct MemIndex {
    table: HashTable<Entry>,
    /// The first offset that is indexed here.
    pub(super) from: u64,
    /// The offset after the last one.
    pub(super) to: u64,
    bytes: usize,
}

impl MemIndex {
    /// An empty one for what comes from `from` on.
    pub(super) fn new(from: u64) -> Self {
        Self {
            table: HashTable::new(),
            from,
            to: from,
            bytes: 0,
        }
    }

    pub(super) fn get(&self, term: TermRef<'_>) -> Option<&PostingList> {
        self.table
            .find(term.hash(), |e| *e.term == *term.bytes())
            .map(|e| &e.list)
    }

    /// Adds `count` occurrences at consecutive offsets, with the versions after the newest one; `elsewhere` gives that if it is not
    /// here. One before `start` does not count any more. Gives the last version.
    pub(super) fn add(
        &mut self,
        term: TermRef<'_>,
        start: u64,
        offsets: Range<u64>,
        elsewhere: impl FnOnce() -> Option<Posting>,
    ) -> u64 {
        let after = |newest: Option<Posting>| {
            let newest = newest.filter(|posting| posting.offset >= start);
            let version = newest.map_or(0, |posting| posting.version + 1);
            Posting {
                version,
                offset: offsets.start,
            }
        };
        let more = offsets.end - offsets.start - 1;
        let is_it = |e: &Entry| *e.term == *term.bytes();
        match self.table.find_mut(term.hash(), is_it) {
            Some(entry) => {
                let before = entry.list.heap_bytes();
                entry.list.push(after(Some(entry.list.last)));
                entry.list.go_on(more);
                self.bytes += entry.list.heap_bytes() - before;
                entry.list.last.version
            }
            None => {
                let mut list = PostingList::of(after(elsewhere()));
                list.go_on(more);
                let version = list.last.version;
                self.insert(term.hash(), term.bytes().into(), list);
                version
            }
        }
    }

    fn insert(&mut self, hash: u64, term: Box<[u8]>, list: PostingList) {
        self.bytes += ENTRY_BYTES + term.len() + list.heap_bytes();
        let entry = Entry { hash, term, list };
        self.table.insert_unique(hash, entry, |e| e.hash);
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many records followed one of the same key.
    pub(super) fn outdating(&self) -> u64 {
        let keys = self.table.iter().filter(|e| has_versions(&e.term));
        let follow = |e: &Entry| e.list.iter().filter(|p| p.version > 0).count() as u64;
        keys.map(follow).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its entries in the order of a run.
    pub(super) fn sorted(&self) -> Vec<&Entry> {
        let mut entries: Vec<&Entry> = self.table.iter().collect();
        entries.sort_unstable_by(|a, b| (a.hash, &a.term).cmp(&(b.hash, &b.term)));
        entries
    }

    /// Forgets what is at or after `end`: a commit that did not happen.
    pub(super) fn cut(&mut self, end: u64) {
        let entries = std::mem::take(&mut self.table);
        self.bytes = 0;
        self.to = self.to.min(end).max(self.from);
        for entry in entries {
            if let Some(list) = entry.list.filtered(|p| p.offset < end) {
                self.insert(entry.hash, entry.term, list);
            }
        }
    }
}
