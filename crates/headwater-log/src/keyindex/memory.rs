//! The part of a key index that is in memory: what came since the last checkpoint.

use std::ops::Range;

use super::postings::{Posting, PostingList};
use super::table::TermTable;
use super::term::{TermRef, has_versions};

/// Terms of the records in an offset range.
#[derive(Debug)]
pub(super) struct MemIndex {
    table: TermTable<PostingList>,
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
            table: TermTable::default(),
            from,
            to: from,
            bytes: 0,
        }
    }

    pub(super) fn get(&self, term: TermRef<'_>) -> Option<&PostingList> {
        self.table.get(term)
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
        match self.table.get_mut(term) {
            Some(list) => {
                let before = list.heap_bytes();
                list.push(after(Some(list.last)));
                list.go_on(more);
                self.bytes += list.heap_bytes() - before;
                list.last.version
            }
            None => {
                let mut list = PostingList::of(after(elsewhere()));
                list.go_on(more);
                let version = list.last.version;
                self.insert(term, list);
                version
            }
        }
    }

    fn insert(&mut self, term: TermRef<'_>, list: PostingList) {
        self.bytes += TermTable::<PostingList>::SLOT_BYTES + term.bytes().len() + list.heap_bytes();
        self.table.insert(term, list);
    }

    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    /// How many records followed one of the same key.
    pub(super) fn outdating(&self) -> u64 {
        let keys = self
            .table
            .iter()
            .filter(|(term, _)| has_versions(term.bytes()));
        let follow = |list: &PostingList| list.iter().filter(|p| p.version > 0).count() as u64;
        keys.map(|(_, list)| follow(list)).sum()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Its terms in the order of a run.
    pub(super) fn sorted(&self) -> impl Iterator<Item = (TermRef<'_>, &PostingList)> {
        self.table.sorted()
    }

    /// Forgets what is at or after `end`: a commit that did not happen.
    pub(super) fn cut(&mut self, end: u64) {
        let table = std::mem::take(&mut self.table);
        self.bytes = 0;
        self.to = self.to.min(end).max(self.from);
        for (term, list) in table.iter() {
            if let Some(list) = list.filtered(|p| p.offset < end) {
                self.insert(term, list);
            }
        }
    }
}
