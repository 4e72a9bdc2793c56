//! Which records a query over types and tags matches, from the lists of one run or of the memory part.

use std::borrow::Cow;
use std::ops::Range;

use crate::commit::{Query, QueryItem};
use crate::error::Result;

use super::postings::PostingList;
use super::term::Term;

/// Where lists come from.
pub(super) trait Lists {
    /// Where a term occurs.
    fn list(&self, term: &Term) -> Result<Option<Cow<'_, PostingList>>>;

    /// About how often it occurs, a term without versions.
    fn count(&self, term: &Term) -> Result<u64>;
}

/// What a query looks for: the sets of terms of which a record must have one set wholly.
#[derive(Debug)]
pub(crate) struct Terms(Vec<Vec<Term>>);

impl Terms {
    pub(crate) fn of(query: &Query) -> Self {
        Self(query.items.iter().flat_map(alternatives).collect())
    }
}

/// About how many records match: those that have the rarest term of a set, for each set.
pub(super) fn count(lists: &dyn Lists, query: &Terms) -> Result<u64> {
    let of_set = |terms: &Vec<Term>| {
        let counts = terms.iter().map(|term| lists.count(term));
        let rarest = counts.reduce(|a, b| Ok(a?.min(b?)));
        rarest.unwrap_or(Ok(u64::MAX))
    };
    let counts = query.0.iter().map(of_set);
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
    for terms in &query.0 {
        match terms.as_slice() {
            [] => found.extend(within.clone().take(limit)),
            terms => common(lists, terms, within, &mut found)?,
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
    for terms in &query.0 {
        let found = match terms.as_slice() {
            [] => within.clone().next_back(),
            [term] => lists
                .list(term)?
                .and_then(|list| list.last_before(within.end))
                .map(|posting| posting.offset)
                .filter(|offset| within.contains(offset)),
            terms => {
                let mut found = Vec::new();
                common(lists, terms, within, &mut found)?;
                found.pop()
            }
        };
        if found.is_some() {
            return Ok(found);
        }
    }
    Ok(None)
}

/// The sets of terms of one item.
fn alternatives(item: &QueryItem) -> Vec<Vec<Term>> {
    let tags = || item.tags.iter().map(String::as_bytes);
    let types = || item.types.iter().map(String::as_bytes);
    match (item.types.is_empty(), item.tags.is_empty()) {
        (true, _) => vec![tags().map(Term::tag).collect()],
        (false, true) => types().map(|name| vec![Term::of_type(name)]).collect(),
        (false, false) => types()
            .map(|name| tags().map(|tag| Term::type_and_tag(name, tag)).collect())
            .collect(),
    }
}

/// Adds the offsets in `within` at which all `terms` occur.
fn common(
    lists: &dyn Lists,
    terms: &[Term],
    within: &Range<u64>,
    found: &mut Vec<u64>,
) -> Result<()> {
    let mut common: Option<Vec<u64>> = None;
    for term in terms {
        let Some(list) = lists.list(term)? else {
            return Ok(());
        };
        if list.last.offset < within.start || list.first.offset >= within.end {
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
