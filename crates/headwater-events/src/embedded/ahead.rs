//! What an index found beyond a page. To find a page's events in it the list of a type or tag is read from its beginning; so
//! more is looked up than one page needs, and whoever asks for the next page finds it here.

use std::sync::{Mutex, PoisonError};

use headwater_log::{Log, Offset, Query};

use crate::error::Result;

/// Offsets that are looked up at a time.
const OFFSETS: usize = 64 << 10;
/// Queries whose offsets are remembered.
const QUERIES_MAX: usize = 8;

/// What was found ahead.
#[derive(Debug, Default)]
pub(super) struct Ahead(Mutex<Vec<Found>>);

/// Where a query matches.
#[derive(Debug)]
struct Found {
    query: Query,
    /// All matches in this range are known: what is durable does not change.
    from: Offset,
    to: Offset,
    offsets: Vec<Offset>,
}

impl Found {
    /// At most so many matches from `from` on, and where to go on.
    fn page(&self, from: Offset, limit: usize) -> (Vec<Offset>, Offset) {
        let first = self.offsets.partition_point(|offset| *offset < from);
        let rest = &self.offsets[first..];
        match rest.get(limit) {
            Some(next) => (rest[..limit].to_vec(), *next),
            None => (rest.to_vec(), self.to),
        }
    }
}

impl Ahead {
    /// Where the events of a store are that match, at or after `from`, at most `limit` of them, and where to go on.
    pub(super) fn page(
        &self,
        log: &Log,
        topic: &str,
        query: &Query,
        from: Offset,
        limit: usize,
    ) -> Result<(Vec<Offset>, Offset)> {
        if let Some(page) = self.known(query, from, limit) {
            return Ok(page);
        }
        let (offsets, to) = log.matches(topic, query, from, OFFSETS.max(limit))?;
        let found = Found {
            query: query.clone(),
            from,
            to,
            offsets,
        };
        let page = found.page(from, limit);
        if found.offsets.len() > limit {
            self.remember(found);
        }
        Ok(page)
    }

    fn known(&self, query: &Query, from: Offset, limit: usize) -> Option<(Vec<Offset>, Offset)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let covers = |f: &&Found| f.query == *query && f.from <= from && from < f.to;
        all.iter().find(covers).map(|f| f.page(from, limit))
    }

    fn remember(&self, found: Found) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|known| known.query != found.query);
        if all.len() >= QUERIES_MAX {
            all.remove(0);
        }
        all.push(found);
    }
}
