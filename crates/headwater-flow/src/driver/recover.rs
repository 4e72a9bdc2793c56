//! How a pipeline comes back: its newest snapshot, then the recorded epochs since, run again without output.

use std::sync::Arc;

use super::control::Phase;
use super::journal::EpochRecord;
use super::pipeline::Pipeline;
use super::schedule::Schedule;
use super::store::Manifest;
use crate::error::{Error, ErrorKind, Result};
use crate::state::SavedState;

impl Pipeline {
    /// Restores, replays, and gets ready for the first epoch.
    pub(super) fn recover(&mut self) -> Result<()> {
        let replayed = self.restore_and_replay()?;
        for input in &mut self.inputs {
            if self.epoch > 0 {
                input.tracker.resume();
            }
        }
        for output in &mut self.outputs {
            output.sink.recover(self.epoch)?;
        }
        let partitions: Vec<usize> = self.inputs.iter().map(|i| i.names.len()).collect();
        self.schedule = Schedule::new(self.limits, &partitions);
        // The first epoch is committed even without input: it records who is there, and global aggregates have a row.
        self.schedule.demand();
        let control = self.control.clone();
        for input in &mut self.inputs {
            let control = control.clone();
            input
                .source
                .watch(Arc::new(move || control.signal().raise()));
        }
        let epoch = self.epoch;
        control.update(|s| {
            s.phase = Phase::Running;
            s.epoch = epoch;
            s.replayed = replayed;
        });
        Ok(())
    }

    /// Restores the newest snapshot and runs the epochs since again, without output. The number of those.
    fn restore_and_replay(&mut self) -> Result<u64> {
        let manifest = self
            .snapshots
            .as_ref()
            .and_then(|s| s.store.as_ref()?.current().cloned());
        if let Some(manifest) = &manifest {
            self.restore(manifest)?;
        }
        let none = Vec::new();
        for (i, input) in self.inputs.iter_mut().enumerate() {
            let positions = manifest
                .as_ref()
                .and_then(|m| m.positions.get(i))
                .unwrap_or(&none);
            input.discover(positions)?;
        }
        let records = match &self.journal {
            Some(journal) => journal.since(self.epoch)?,
            None => Vec::new(),
        };
        for record in &records {
            self.replay(record)?;
        }
        Ok(records.len() as u64)
    }

    fn restore(&mut self, manifest: &Manifest) -> Result<()> {
        if manifest.digest != self.digest || manifest.shards != self.shards {
            return Err(Error::new(
                ErrorKind::Conflict,
                format!(
                    "the stored state of '{}' belongs to another query",
                    self.name
                ),
            ));
        }
        let mut saved = SavedState::default();
        if let Some(store) = self.snapshots.as_ref().and_then(|s| s.store.as_ref()) {
            for delta in store.deltas() {
                saved.overlay(&delta?)?;
            }
        }
        for (input, state) in self.inputs.iter_mut().zip(&manifest.trackers) {
            input.tracker.restore(state.clone());
        }
        let times: Vec<_> = self.inputs.iter().map(|i| i.tracker.time()).collect();
        self.circuit.restore(&saved, &times)?;
        self.epoch = manifest.epoch;
        Ok(())
    }

    /// Runs one recorded epoch again.
    fn replay(&mut self, record: &EpochRecord) -> Result<()> {
        for (input, state) in self.inputs.iter_mut().zip(&record.trackers) {
            input.tracker.begin_replay(state)?;
        }
        for step in &record.steps {
            let mut chunks = Vec::with_capacity(step.len());
            for (input, ranges) in self.inputs.iter_mut().zip(step) {
                let mut reread = Vec::with_capacity(ranges.len());
                for range in ranges {
                    reread.push(input.source.reread(range)?);
                    input.next[range.partition as usize] = range.to;
                }
                chunks.push(reread);
            }
            let (rows, _) = self.rows_of(chunks)?;
            self.circuit
                .push(record.epoch, record.processing_time, &rows)?;
        }
        for (input, state) in self.inputs.iter_mut().zip(&record.trackers) {
            input.tracker.finish_replay(state)?;
            input.kept.clear();
        }
        let times: Vec<_> = self.inputs.iter().map(|i| i.tracker.time()).collect();
        self.circuit
            .finish(record.epoch, record.processing_time, &times)?;
        self.epoch = record.epoch;
        Ok(())
    }
}
