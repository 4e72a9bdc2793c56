//! What the writer does with an index: it looks the keys of a commit up, compares versions, and adds what the commit has.

use std::ops::Range;
use std::sync::Arc;

use crate::batch::LogBatch;
use crate::error::Result;
use crate::record::Version;

use super::entries::Entries;
use super::key_index::{KeyIndex, State, newest_in_runs};
use super::memory::MemIndex;
use super::postings::Posting;
use super::run::Run;
use super::term::{Term, TermRef};

/// Keys whose newest posting is remembered between a condition and the append that follows it.
const KNOWN_KEYS_MAX: usize = 16 << 10;

/// The newest postings, before the active part, of keys that were looked up, by the number of their entry; of those that are not
/// here there is none.
#[derive(Debug, Default)]
pub(crate) struct Earlier(Vec<(usize, Posting)>);

impl KeyIndex {
    /// What a partition's records will put into this index.
    pub(crate) fn entries(&self) -> Entries {
        Entries::new(self.terms)
    }

    /// What the records of a batch will put into this index.
    ///
    /// # Errors
    /// `Corrupt`.
    pub(crate) fn entries_of(&self, batch: &LogBatch) -> Result<Entries> {
        let mut entries = self.entries();
        for record in batch.open()?.records() {
            let record = record?;
            entries.push(record.key, record.headers.iter());
        }
        Ok(entries)
    }

    /// Looks up the keys of records that are about to be [applied](Self::apply), so that applying them needs no
    /// file and cannot fail. Nothing may be frozen between the two.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`; nothing has changed then.
    pub(crate) fn prepare(&self, entries: &Entries) -> Result<Earlier> {
        let (unknown, frozen, runs) = {
            let state = self.read();
            if state.frozen.is_empty() && state.runs.is_empty() {
                return Ok(Earlier::default());
            }
            let keys = entries.iter().enumerate();
            let keys = keys.filter(|(_, entry)| entry.has_versions());
            let keys = keys.map(|(at, entry)| (at, entry.term));
            let unknown = keys.filter(|(_, term)| state.newest_known(*term).is_none());
            let unknown: Vec<(usize, TermRef<'_>)> = unknown.collect();
            (unknown, state.frozen.clone(), state.runs.clone())
        };
        let mut found = Vec::new();
        for (at, term) in unknown {
            let newest = newest_of(&frozen, &runs, term)?;
            found.extend(newest.map(|newest| (at, newest)));
        }
        Ok(Earlier(found))
    }

    /// Adds what [prepared](Self::prepare) records from offset `base` on have; `start` is the start of the partition as of this
    /// commit. Gives the last version of each run of records of one key.
    pub(crate) fn apply(
        &self,
        start: u64,
        base: u64,
        (entries, earlier): (&Entries, &Earlier),
    ) -> Vec<Version> {
        let mut state = self.write();
        let mut versions = Vec::new();
        let mut earlier = earlier.0.iter().peekable();
        for (at, entry) in entries.iter().enumerate() {
            let newest = earlier.next_if(|(of, _)| *of == at);
            let first = base + entry.first;
            let offsets = first..first + entry.count;
            match entry.has_versions() {
                true => {
                    let newest = newest.map(|(_, newest)| *newest);
                    versions.push(Version(state.add_key(entry.term, start, offsets, newest)));
                }
                false => {
                    state.active.add(entry.term, 0, offsets, || None);
                }
            }
        }
        state.active.to = base + entries.records();
        versions
    }

    /// Forgets what was applied at or after `end`: commits that did not become durable.
    pub(crate) fn cut(&self, end: u64) {
        self.write().active.cut(end);
    }

    /// The version that the writer must compare with: of everything that was applied.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`.
    pub(crate) fn next_version(&self, key: &Term, start: u64) -> Result<Option<Version>> {
        let newest = self.newest(key.as_ref())?;
        let live = newest.filter(|posting| posting.offset >= start);
        Ok(live.map(|posting| Version(posting.version)))
    }

    /// The offset that will be applied next.
    pub(crate) fn next_offset(&self) -> u64 {
        self.read().active.to
    }

    /// Keeps small what is remembered between a condition and its append. Called before a commit is decided.
    pub(crate) fn begin(&self) {
        if self.read().known.len() >= KNOWN_KEYS_MAX {
            self.write().known.clear();
        }
    }

    /// The newest posting of all. What is not in the active part is remembered until it is applied, for meanwhile it may
    /// move from memory to a run.
    fn newest(&self, term: TermRef<'_>) -> Result<Option<Posting>> {
        let (frozen, runs) = {
            let state = self.read();
            if let Some(found) = state.newest_known(term) {
                return Ok(found);
            }
            (state.frozen.clone(), state.runs.clone())
        };
        let found = newest_of(&frozen, &runs, term)?;
        self.write().known.insert(term, found);
        Ok(found)
    }
}

impl State {
    /// The newest posting; the outer `None`: it must be looked up.
    fn newest_known(&self, term: TermRef<'_>) -> Option<Option<Posting>> {
        match self.active.get(term) {
            Some(list) => Some(Some(list.last)),
            None => self.known.get(term).copied(),
        }
    }

    /// Adds occurrences of a prepared key, of which `newest` was found if it was looked for. What is remembered of it is forgotten
    /// then: the active part has it.
    fn add_key(
        &mut self,
        term: TermRef<'_>,
        start: u64,
        offsets: Range<u64>,
        newest: Option<Posting>,
    ) -> u64 {
        let known = &mut self.known;
        self.active.add(term, start, offsets, || match known.len() {
            0 => newest,
            _ => known.remove(term).unwrap_or(newest),
        })
    }
}

/// The newest posting outside the active part.
fn newest_of(
    frozen: &[Arc<MemIndex>],
    runs: &[Arc<Run>],
    term: TermRef<'_>,
) -> Result<Option<Posting>> {
    let mut in_memory = frozen.iter().rev().filter_map(|memory| memory.get(term));
    match in_memory.next() {
        Some(list) => Ok(Some(list.last)),
        None => newest_in_runs(runs, term, &(0..u64::MAX)),
    }
}
