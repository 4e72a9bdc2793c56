//! [`KeyIndex`]: the index of one partition, from its memory part and its runs, as writer and readers use it.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::disk::Disk;
use crate::error::Result;
use crate::record::Version;

use super::memory::MemIndex;
use super::postings::{Posting, PostingList};
use super::query::{self, Lists, Terms};
use super::run::{Run, RunId};
use super::table::TermTable;
use super::term::{Term, TermRef};

/// The key index of a partition.
///
/// The writer alone adds, ahead of what is durable; readers name the `live` offsets, from the partition's start to
/// its durable end, and find nothing outside of them. What retention took therefore has no version any more.
#[derive(Debug)]
pub(crate) struct KeyIndex {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: Arc<str>,
    /// Whether types and tags are indexed too.
    pub(super) terms: bool,
    state: RwLock<State>,
    /// Held by whoever rewrites runs.
    pub(super) rewriting: Mutex<()>,
}

/// Invariant: the runs, the frozen parts and the active part cover ascending, disjoint offset ranges.
#[derive(Debug)]
pub(super) struct State {
    pub(super) active: MemIndex,
    /// Durable and waiting to be written as runs, oldest first.
    pub(super) frozen: Arc<Vec<Arc<MemIndex>>>,
    /// Shared with whoever looks something up, as are the frozen parts, and so put anew when it changes.
    pub(super) runs: Arc<Vec<Arc<Run>>>,
    pub(super) next_generation: u64,
    /// How many records of the runs have outdated another one of their key since the last compaction: about so many could go.
    pub(super) outdated: u64,
    /// A compacted run that has not taken effect yet, and how many of those it has seen to.
    pub(super) pending: Option<(RunId, u64)>,
    /// The newest posting, before the active part, of keys that the writer has looked up.
    pub(super) known: TermTable<Option<Posting>>,
}

impl KeyIndex {
    pub(super) fn with(disk: Arc<dyn Disk>, dir: Arc<str>, terms: bool, state: State) -> Self {
        Self {
            disk,
            dir,
            terms,
            state: RwLock::new(state),
            rewriting: Mutex::default(),
        }
    }

    /// The version of the newest live record of a key.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn version(&self, key: &[u8], live: &Range<u64>) -> Result<Option<Version>> {
        let term = Term::key(key);
        let (in_memory, runs) = {
            let state = self.read();
            let mut lists = state
                .memory()
                .rev()
                .filter_map(|memory| memory.get(term.as_ref()));
            let found = lists.find_map(|list| list.last_before(live.end));
            (found, state.runs.clone())
        };
        let newest = match in_memory {
            Some(posting) => Some(posting),
            None => newest_in_runs(&runs, term.as_ref(), live)?,
        };
        let live = newest.filter(|posting| posting.offset >= live.start);
        Ok(live.map(|posting| Version(posting.version)))
    }

    /// The live records of a key, oldest first.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn postings(&self, key: &[u8], live: &Range<u64>) -> Result<Vec<Posting>> {
        let term = Term::key(key);
        let (in_memory, runs) = {
            let state = self.read();
            let lists = state
                .memory()
                .filter_map(|memory| memory.get(term.as_ref()));
            let postings: Vec<Posting> = lists.flat_map(PostingList::iter).collect();
            (postings, state.runs.clone())
        };
        let mut found = Vec::new();
        for run in runs.iter() {
            if run.id.from < live.end
                && run.id.to > live.start
                && let Some(list) = run.get(term.as_ref())?
            {
                found.extend(list.iter());
            }
        }
        found.extend(in_memory);
        found.retain(|posting| live.contains(&posting.offset));
        Ok(found)
    }

    /// The offsets of the live records that match, ascending, at most `limit`. If an item of the query names neither
    /// type nor tag, offsets that compaction took may be among them.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn matches(
        &self,
        query: &Terms,
        live: &Range<u64>,
        limit: usize,
    ) -> Result<Vec<u64>> {
        let (in_active, frozen, runs) = {
            let state = self.read();
            let within = state.active.overlap(live);
            let found = query::matches(&state.active, query, &within, limit)?;
            (found, state.frozen.clone(), state.runs.clone())
        };
        let mut found = Vec::new();
        for (lists, range) in sources(&runs, &frozen) {
            let within = overlap(&range, live);
            if !within.is_empty() && found.len() < limit {
                found.extend(query::matches(lists, query, &within, limit - found.len())?);
            }
        }
        found.extend(in_active);
        found.truncate(limit);
        Ok(found)
    }

    /// About how many live records match: at least those that do, but for a query that asks for nothing.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn count(&self, query: &Terms, live: &Range<u64>) -> Result<u64> {
        let (in_active, frozen, runs) = {
            let state = self.read();
            let in_active = query::count(&state.active, query)?;
            (in_active, state.frozen.clone(), state.runs.clone())
        };
        let mut count = in_active;
        for (lists, range) in sources(&runs, &frozen) {
            if !overlap(&range, live).is_empty() {
                count = count.saturating_add(query::count(lists, query)?);
            }
        }
        Ok(count)
    }

    /// The offset of a live record that matches.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn any_match(&self, query: &Terms, live: &Range<u64>) -> Result<Option<u64>> {
        let (frozen, runs) = {
            let state = self.read();
            let within = state.active.overlap(live);
            let found = query::any_match(&state.active, query, &within)?;
            if found.is_some() || live.start >= state.active.from {
                return Ok(found);
            }
            (state.frozen.clone(), state.runs.clone())
        };
        for (lists, range) in sources(&runs, &frozen).into_iter().rev() {
            let within = overlap(&range, live);
            if within.is_empty() {
                continue;
            }
            if let Some(offset) = query::any_match(lists, query, &within)? {
                return Ok(Some(offset));
            }
        }
        Ok(None)
    }

    /// Bytes of memory.
    pub(crate) fn heap_bytes(&self) -> usize {
        let state = self.read();
        let memory = state.memory().map(MemIndex::bytes);
        let runs = state.runs.iter().map(|run| run.heap_bytes());
        memory.chain(runs).sum()
    }

    /// Bytes of its files.
    pub(crate) fn disk_bytes(&self) -> u64 {
        let runs = self.read().runs.clone();
        let sizes = runs.iter().map(|run| run.bytes().unwrap_or(0));
        sizes.sum()
    }

    pub(super) fn read(&self) -> RwLockReadGuard<'_, State> {
        self.state.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn write(&self) -> RwLockWriteGuard<'_, State> {
        self.state.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The parts in memory, oldest first.
    fn memory(&self) -> impl DoubleEndedIterator<Item = &MemIndex> {
        let frozen = self.frozen.iter().map(|frozen| &**frozen);
        frozen.chain([&self.active])
    }

    pub(super) fn take_generation(&mut self) -> u64 {
        self.next_generation += 1;
        self.next_generation - 1
    }
}

pub(super) fn newest_in_runs(
    runs: &[Arc<Run>],
    term: TermRef<'_>,
    live: &Range<u64>,
) -> Result<Option<Posting>> {
    for run in runs.iter().rev() {
        if run.id.to <= live.start {
            break;
        }
        if let Some(list) = run.get(term)?
            && let Some(found) = list.last_before(live.end)
        {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

/// Where lists can be found outside the active part, and for which offsets, oldest first.
fn sources<'a>(
    runs: &'a [Arc<Run>],
    frozen: &'a [Arc<MemIndex>],
) -> Vec<(&'a dyn Lists, Range<u64>)> {
    let runs = runs
        .iter()
        .map(|run| (&**run as &dyn Lists, run.id.from..run.id.to));
    let frozen = frozen
        .iter()
        .map(|memory| (&**memory as &dyn Lists, memory.from..memory.to));
    runs.chain(frozen).collect()
}

fn overlap(a: &Range<u64>, b: &Range<u64>) -> Range<u64> {
    a.start.max(b.start)..a.end.min(b.end)
}

impl MemIndex {
    fn overlap(&self, live: &Range<u64>) -> Range<u64> {
        overlap(&(self.from..self.to), live)
    }
}

impl Lists for MemIndex {
    fn list(&self, term: TermRef<'_>) -> Result<Option<Cow<'_, PostingList>>> {
        Ok(self.get(term).map(Cow::Borrowed))
    }

    fn count(&self, term: TermRef<'_>) -> Result<u64> {
        Ok(self.get(term).map_or(0, PostingList::count))
    }
}

impl Lists for Run {
    fn list(&self, term: TermRef<'_>) -> Result<Option<Cow<'_, PostingList>>> {
        Ok(self.get(term)?.map(Cow::Owned))
    }

    fn count(&self, term: TermRef<'_>) -> Result<u64> {
        self.count(term)
    }
}
