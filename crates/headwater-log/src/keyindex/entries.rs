//! [`Entries`]: what records will put into a key index, worked out where they are made and not where they are indexed: by the
//! caller of a commit, so that the one writer has little to do for it.

use std::ops::Range;

use super::term::{self, TAG_HEADER, TYPE_HEADER, TermRef};

/// Terms that a record has as a rule, and their bytes.
const TERMS: usize = 4;
const TERM_BYTES: usize = 128;
/// How many records and bytes of terms there may be before another record comes, whose terms are in one batch.
const MOST: usize = 1 << 31;

/// A term and the consecutive records that it occurs in. There are tens of thousands of them at once, so they are small.
#[derive(Debug)]
struct Span {
    hash: u64,
    /// Where the term's bytes begin and end.
    bytes: (u32, u32),
    /// Its first record.
    first: u32,
    /// How many records.
    count: u32,
}

impl Span {
    fn range(&self) -> Range<usize> {
        self.bytes.0 as usize..self.bytes.1 as usize
    }
}

/// A term and where it occurs.
#[derive(Debug, Clone, Copy)]
pub(super) struct Entry<'a> {
    pub(super) term: TermRef<'a>,
    /// The first record that it occurs in.
    pub(super) first: u64,
    /// How many consecutive records it occurs in.
    pub(super) count: u64,
}

impl Entry<'_> {
    /// Whether it is a key, whose occurrences are numbered.
    pub(super) fn has_versions(&self) -> bool {
        term::has_versions(self.term.bytes())
    }
}

/// The terms of consecutive records.
///
/// Invariants: the spans of one term ascend and do not overlap; `slots` are the spans of the newest record, in the order
/// of its terms.
#[derive(Debug)]
pub(crate) struct Entries {
    /// Whether types and tags are indexed too.
    with_terms: bool,
    bytes: Vec<u8>,
    spans: Vec<Span>,
    slots: Vec<usize>,
    records: usize,
}

impl Entries {
    /// None yet; `with_terms` says whether types and tags are indexed too.
    pub(super) fn new(with_terms: bool) -> Self {
        Self {
            with_terms,
            bytes: Vec::with_capacity(TERM_BYTES),
            spans: Vec::with_capacity(TERMS),
            slots: Vec::with_capacity(TERMS),
            records: 0,
        }
    }

    /// Adds the terms of the next record.
    pub(crate) fn push<'a>(
        &mut self,
        key: Option<&[u8]>,
        headers: impl Iterator<Item = (&'a str, Option<&'a [u8]>)> + Clone,
    ) {
        let mut terms = 0;
        if let Some(key) = key {
            self.add(&mut terms, |out| term::put_key(out, key));
        }
        if self.with_terms {
            let named = |header| move |(key, value)| if key == header { value } else { None };
            let types = headers.clone().filter_map(named(TYPE_HEADER));
            let tags = headers.filter_map(named(TAG_HEADER));
            for name in types.clone() {
                self.add(&mut terms, |out| term::put_type(out, name));
            }
            for tag in tags {
                self.add(&mut terms, |out| term::put_tag(out, &[tag]));
                for name in types.clone() {
                    self.add(&mut terms, |out| term::put_type_and_tag(out, name, tag));
                }
            }
        }
        self.slots.truncate(terms);
        self.records += 1;
    }

    /// Adds a term of the newest record, which has `terms` already. One that the record before had in the same place, as a rule
    /// its key and its type, is neither hashed nor looked up again.
    fn add(&mut self, terms: &mut usize, put: impl FnOnce(&mut Vec<u8>)) {
        let from = self.bytes.len();
        put(&mut self.bytes);
        let same = |span: &usize| self.bytes[self.spans[*span].range()] == self.bytes[from..];
        if self.slots[..*terms].iter().any(same) {
            self.bytes.truncate(from);
            return;
        }
        match self.slots.get(*terms).copied().filter(same) {
            Some(before) => {
                self.spans[before].count += 1;
                self.bytes.truncate(from);
            }
            None => {
                let new = self.spans.len();
                self.spans.push(Span {
                    hash: term::hash(&self.bytes[from..]),
                    bytes: (from as u32, self.bytes.len() as u32),
                    first: self.records as u32,
                    count: 1,
                });
                match self.slots.get_mut(*terms) {
                    Some(slot) => *slot = new,
                    None => self.slots.push(new),
                }
            }
        }
        *terms += 1;
    }

    /// Whether no more records may be added: places have 32 bits.
    pub(crate) fn is_full(&self) -> bool {
        self.bytes.len().max(self.records) > MOST
    }

    /// How many records they are of.
    pub(crate) fn records(&self) -> u64 {
        self.records as u64
    }

    /// All of them; those of one term ascend.
    pub(super) fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.spans.iter().map(|span| Entry {
            term: TermRef::new(&self.bytes[span.range()], span.hash),
            first: u64::from(span.first),
            count: u64::from(span.count),
        })
    }
}
