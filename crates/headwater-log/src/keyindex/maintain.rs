//! The life of an index on disk: opening it, writing what came as runs, merging runs, compaction.
//!
//! [`freeze`](KeyIndex::freeze) is called where the writer stands still between two groups; all else by the one keeper.

use std::cell::Cell;
use std::ops::Range;
use std::sync::{Arc, PoisonError};

use crate::disk::Disk;
use crate::error::{Result, storage};

use super::key_index::{KeyIndex, State};
use super::memory::MemIndex;
use super::merge;
use super::postings::Posting;
use super::run::{Run, RunId, RunWriter, VerifiedRun};
use super::term::has_versions;

/// The runs of an index that a checkpoint records.
#[derive(Debug, Clone, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize)]
pub(crate) struct IndexManifest {
    /// All records before this offset are in the runs; those from here on must be applied again.
    pub(crate) covered: u64,
    /// The runs, oldest first.
    pub(crate) runs: Vec<RunId>,
    /// Records in the runs that have a newer one of their key, at most; very many if a former version did not count them.
    #[serde(default = "very_many")]
    pub(crate) outdated: u64,
}

fn very_many() -> u64 {
    u64::MAX
}

impl KeyIndex {
    /// The index that a checkpoint records; an empty one for the default manifest. `terms` says whether types and tags
    /// are indexed.
    pub(crate) fn new(
        disk: Arc<dyn Disk>,
        dir: Arc<str>,
        terms: bool,
        manifest: &IndexManifest,
    ) -> Self {
        let runs = manifest.runs.iter();
        let runs = runs.map(|id| Arc::new(Run::named(Arc::clone(&disk), &dir, *id)));
        let newest = manifest.runs.iter().map(|run| run.generation).max();
        let state = State {
            active: MemIndex::new(manifest.covered),
            frozen: Arc::default(),
            next_generation: newest.map_or(0, |newest| newest + 1),
            runs: Arc::new(runs.collect()),
            known: Default::default(),
            outdated: manifest.outdated,
            pending: None,
        };
        Self::with(disk, dir, terms, state)
    }

    /// Checks that all runs are there.
    ///
    /// # Errors
    /// `Corrupt` if one is missing or damaged: it holds versions that nothing else knows.
    pub(crate) fn check(&self) -> Result<()> {
        self.read().runs.iter().try_for_each(|run| run.check())
    }

    /// Bytes of memory that a checkpoint would free.
    pub(crate) fn unflushed_bytes(&self) -> usize {
        self.read().active.bytes()
    }

    /// Closes the memory part, so that [`flush`](Self::flush) can write it. All that was applied must be durable.
    pub(crate) fn freeze(&self) {
        let mut state = self.write();
        if state.active.to > state.active.from {
            let next = MemIndex::new(state.active.to);
            let active = std::mem::replace(&mut state.active, next);
            Arc::make_mut(&mut state.frozen).push(Arc::new(active));
        }
    }

    /// Writes what was frozen as runs, and syncs them.
    ///
    /// # Errors
    /// `Unavailable`; nothing is lost and it can be tried again.
    pub(crate) fn flush(&self) -> Result<()> {
        loop {
            let (frozen, generation) = {
                let mut state = self.write();
                match state.frozen.first().cloned() {
                    Some(frozen) => (frozen, state.take_generation()),
                    None => return Ok(()),
                }
            };
            let run = match frozen.len() {
                0 => None,
                _ => Some(Arc::new(self.write_run(&frozen, generation)?)),
            };
            let outdating = frozen.outdating();
            let mut state = self.write();
            state.outdated = state.outdated.saturating_add(outdating);
            Arc::make_mut(&mut state.runs).extend(run);
            Arc::make_mut(&mut state.frozen).remove(0);
        }
    }

    fn write_run(&self, memory: &MemIndex, generation: u64) -> Result<Run> {
        let id = RunId {
            from: memory.from,
            to: memory.to,
            generation,
        };
        let entries = memory.len() as u64;
        let mut writer = RunWriter::create(&self.disk, &self.dir, id, entries)?;
        for (term, list) in memory.sorted() {
            writer.add(term.hash(), term.bytes(), list)?;
        }
        let run = writer.finish()?;
        self.sync_dir()?;
        Ok(run)
    }

    /// Drops the runs before `start`, the partition's start as of the checkpoint, and merges neighbours of similar size;
    /// whether it merged.
    ///
    /// # Errors
    /// `Unavailable`, `Corrupt`; nothing has changed then.
    pub(crate) fn tidy(&self, start: u64) -> Result<bool> {
        let _rewriting = self
            .rewriting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if self.read().pending.is_some() {
            return Ok(false);
        }
        Arc::make_mut(&mut self.write().runs).retain(|run| run.id.to > start);
        let runs = self.read().runs.clone();
        let sizes: Vec<u64> = runs.iter().map(|run| run.bytes()).collect::<Result<_>>()?;
        let Some(range) = merge::decide(&sizes) else {
            return Ok(false);
        };
        let old = &runs[range];
        let id = self.write().successor(old);
        let merged = self.rewrite(id, old, |_, posting| posting.offset >= start)?;
        self.install(merged);
        Ok(true)
    }

    /// Writes the runs that begin before the end of `range`, of which nothing was compacted before, as one, without the postings before
    /// that end that `keep` rejects; the index still uses the old ones. The new run takes effect by [`replace`](Self::replace), once its name is
    /// durable, or is [given up](Self::give_up). All before the end must have been flushed.
    ///
    /// # Errors
    /// As [`tidy`](Self::tidy).
    pub(crate) fn compacted(
        &self,
        range: Range<u64>,
        keep: impl Fn(u64) -> bool,
    ) -> Result<Option<RunId>> {
        let _rewriting = self
            .rewriting
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let runs = self.read().runs.clone();
        let runs = &runs[..runs.partition_point(|run| run.id.from < range.end)];
        if runs.is_empty() {
            return Ok(None);
        }
        let id = {
            let mut state = self.write();
            let id = state.successor(runs);
            state.pending = Some((id, 0));
            id
        };
        let settled = Cell::new(0);
        let keep = |term: &[u8], posting: Posting| {
            let is_new = range.contains(&posting.offset);
            if is_new && posting.version > 0 && has_versions(term) {
                settled.set(settled.get() + 1);
            }
            posting.offset >= range.end || keep(posting.offset)
        };
        match self.rewrite(id, runs, keep) {
            Ok(_) => {
                self.write().pending = Some((id, settled.get()));
                Ok(Some(id))
            }
            Err(error) => {
                self.give_up();
                Err(error)
            }
        }
    }

    /// A compacted run will not take effect.
    pub(crate) fn give_up(&self) {
        self.write().pending = None;
    }

    /// Puts a compacted run in the place of all runs within its offsets. Called between two groups, and again where
    /// recovery finds that it happened.
    pub(crate) fn replace(&self, id: RunId) {
        self.install(Run::named(Arc::clone(&self.disk), &self.dir, id));
        let mut state = self.write();
        state.known.clear();
        let settled = state.pending.take().map_or(0, |(_, settled)| settled);
        state.outdated = match state.outdated {
            u64::MAX => 0, // nobody had counted
            outdated => outdated.saturating_sub(settled),
        };
    }

    /// About how many records could go, at most.
    pub(crate) fn outdated(&self) -> u64 {
        self.read().outdated
    }

    fn rewrite(
        &self,
        id: RunId,
        old: &[Arc<Run>],
        keep: impl Fn(&[u8], Posting) -> bool,
    ) -> Result<Run> {
        let merged = merge::merge(&self.disk, &self.dir, old, id, keep)?;
        self.sync_dir()?;
        Ok(merged)
    }

    fn install(&self, new: Run) {
        let mut state = self.write();
        let within = |run: &Arc<Run>| run.id.from >= new.id.from && run.id.to <= new.id.to;
        state.next_generation = state.next_generation.max(new.id.generation + 1);
        let runs = Arc::make_mut(&mut state.runs);
        runs.retain(|run| !within(run));
        let at = runs.partition_point(|run| run.id.from < new.id.from);
        runs.insert(at, Arc::new(new));
    }

    /// What a checkpoint must record to find the index again.
    pub(crate) fn manifest(&self) -> IndexManifest {
        let state = self.read();
        let frozen = state.frozen.first().map(|frozen| frozen.from);
        IndexManifest {
            covered: frozen.unwrap_or(state.active.from),
            runs: state.runs.iter().map(|run| run.id).collect(),
            outdated: state.outdated,
        }
    }

    /// Removes the files of runs that neither the recorded checkpoint names nor the index uses.
    ///
    /// # Errors
    /// `Unavailable`.
    pub(crate) fn sweep(&self, recorded: &IndexManifest) -> Result<()> {
        let failed = |e| storage("key index", &self.dir, e);
        // Listed first: whatever comes to be used afterwards is not among these.
        let files = self.disk.list(&self.dir).map_err(failed)?;
        let (used, pending) = {
            let state = self.read();
            let used: Vec<RunId> = state.runs.iter().map(|run| run.id).collect();
            (used, state.pending.map(|(id, _)| id))
        };
        let named = recorded.runs.iter().chain(&used).chain(&pending);
        let keep: Vec<String> = named.map(RunId::file_name).collect();
        for name in files {
            if RunId::is_file_name(&name) && !keep.contains(&name) {
                let path = format!("{}/{name}", self.dir);
                self.disk.remove(&path).map_err(failed)?;
            }
        }
        Ok(())
    }

    fn sync_dir(&self) -> Result<()> {
        let synced = self.disk.sync_dir(&self.dir);
        synced.map_err(|e| storage("key index", &self.dir, e))
    }
}

/// Reads every byte of a run and checks it.
pub(crate) fn verify_run(disk: &Arc<dyn Disk>, dir: &str, id: RunId) -> VerifiedRun {
    Run::named(Arc::clone(disk), dir, id).verify()
}

impl State {
    /// The name of a run that takes the place of others.
    fn successor(&mut self, of: &[Arc<Run>]) -> RunId {
        RunId {
            from: of.iter().map(|run| run.id.from).min().unwrap_or(0),
            to: of.iter().map(|run| run.id.to).max().unwrap_or(0),
            generation: self.take_generation(),
        }
    }
}
