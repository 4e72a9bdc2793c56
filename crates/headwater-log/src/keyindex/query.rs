//! Which records a query over types and tags matches, from the lists of one run or of the memory part.

use std::borrow::Cow;
use std::ops::Range;

use crate::commit::{Query, QueryItem};
use crate::error::Result;

use super::postings::PostingList;
use super::term::{TermRef, hash, put_tag, put_type, put_type_and_tag};

/// Bytes of a term as a rule.
const TERM_BYTES: usize = 48;

/// Where lists come from.
pub(super) trait Lists {
    /// Where a term occurs.
    fn list(&self, term: TermRef<'_>) -> Result<Option<Cow<'_, PostingList>>>;

    /// About how often it occurs, a term without versions.
    fn count(&self, term: TermRef<'_>) -> Result<u64>;
}

/// What a query looks for: the sets of terms of which a record must have one set wholly.
///
/// Invariant: `terms` and `sets` ascend; each says where a term ends in `bytes`, or a set in `terms`.
#[derive(Debug, Default)]
pub(crate) struct Terms {
    bytes: Vec<u8>,
    /// The hash of each term, and where it ends.
    terms: Vec<(u64, usize)>,
    sets: Vec<usize>,
}

impl Terms {
    pub(crate) fn of(query: &Query) -> Self {
        let mut terms = Self::default();
        query.items.iter().for_each(|item| terms.add_item(item));
        terms
    }

    /// Adds an alternative: a tag, which may come in pieces.
    pub(crate) fn or_tag(&mut self, tag: &[&[u8]]) {
        self.add(|out| put_tag(out, tag));
        self.end_set();
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.sets.is_empty()
    }

    /// Adds the sets of terms of one item.
    fn add_item(&mut self, item: &QueryItem) {
        let tags = || item.tags.iter().map(String::as_bytes);
        let types = item.types.iter().map(String::as_bytes);
        if item.types.is_empty() {
            tags().for_each(|tag| self.add(|out| put_tag(out, &[tag])));
            return self.end_set();
        }
        for name in types {
            if item.tags.is_empty() {
                self.add(|out| put_type(out, name));
            }
            tags().for_each(|tag| self.add(|out| put_type_and_tag(out, name, tag)));
            self.end_set();
        }
    }

    fn add(&mut self, put: impl FnOnce(&mut Vec<u8>)) {
        let from = self.bytes.len();
        self.bytes.reserve(TERM_BYTES);
        put(&mut self.bytes);
        self.terms
            .push((hash(&self.bytes[from..]), self.bytes.len()));
    }

    fn end_set(&mut self) {
        self.sets.push(self.terms.len());
    }

    /// The sets, as the numbers of their terms.
    fn sets(&self) -> impl Iterator<Item = Range<usize>> {
        let starts = [0].into_iter().chain(self.sets.iter().copied());
        starts.zip(&self.sets).map(|(start, end)| start..*end)
    }

    fn term(&self, number: usize) -> TermRef<'_> {
        let start = number.checked_sub(1).map_or(0, |n| self.terms[n].1);
        let (hash, end) = self.terms[number];
        TermRef::new(&self.bytes[start..end], hash)
    }

    fn terms(&self, set: Range<usize>) -> impl Iterator<Item = TermRef<'_>> {
        set.map(|number| self.term(number))
    }
}

/// About how many records match: those that have the rarest term of a set, for each set.
pub(super) fn count(lists: &dyn Lists, query: &Terms) -> Result<u64> {
    let of_set = |set| {
        let counts = query.terms(set).map(|term| lists.count(term));
        let rarest = counts.reduce(|a, b| Ok(a?.min(b?)));
        rarest.unwrap_or(Ok(u64::MAX))
    };
    let counts = query.sets().map(of_set);
    counts
        .reduce(|a, b| Ok(a?.saturating_add(b?)))
        .unwrap_or(Ok(0))
}

/// The offsets in `within` that match, ascending, at most `limit` of them.
pub(super) fn matches(
    lists: &dyn Lists,
    query: &Terms,
    within: &Range<u64>,
    limit: usize,
) -> Result<Vec<u64>> {
    let mut found = Vec::new();
    for set in query.sets() {
        match set.is_empty() {
            true => found.extend(within.clone().take(limit)),
            false => common(lists, query.terms(set), within, &mut found)?,
        }
    }
    found.sort_unstable();
    found.dedup();
    found.truncate(limit);
    Ok(found)
}

/// An offset in `within` that matches: the newest for alternatives of one term, else any.
pub(super) fn any_match(
    lists: &dyn Lists,
    query: &Terms,
    within: &Range<u64>,
) -> Result<Option<u64>> {
    for set in query.sets() {
        let found = match set.len() {
            0 => within.clone().next_back(),
            1 => lists
                .list(query.term(set.start))?
                .and_then(|list| list.last_before(within.end))
                .map(|posting| posting.offset)
                .filter(|offset| within.contains(offset)),
            _ => {
                let mut found = Vec::new();
                common(lists, query.terms(set), within, &mut found)?;
                found.pop()
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// Adds the offsets in `within` at which all `terms` occur.
fn common<'a>(
    lists: &dyn Lists,
    terms: impl Iterator<Item = TermRef<'a>>,
    within: &Range<u64>,
    found: &mut Vec<u64>,
) -> Result<()> {
    let mut common: Option<Vec<u64>> = None;
    for term in terms {
        let Some(list) = lists.list(term)? else {
            return Ok(());
        };
        if list.last.offset < within.start || list.first().offset >= within.end {
            return Ok(());
        }
        let offsets = list.iter().map(|posting| posting.offset);
        let mut inside = offsets
            .skip_while(|offset| *offset < within.start)
            .take_while(|offset| *offset < within.end);
        common = Some(match common {
            None => inside.collect(),
            Some(before) => intersect(&before, &mut inside),
        });
    }
    found.extend(common.unwrap_or_default());
    Ok(())
}

fn intersect(a: &[u64], b: &mut impl Iterator<Item = u64>) -> Vec<u64> {
    let mut next = b.next();
    let mut both = Vec::new();
    for offset in a {
        while next.is_some_and(|n| n < *offset) {
            next = b.next();
        }
        if next == Some(*offset) {
            both.push(*offset);
        }
    }
    both
}
