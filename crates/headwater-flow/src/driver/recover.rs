//! How a pipeline comes back: its newest snapshot, then the recorded epochs since, run again without output.

use std::sync::Arc;

use super::control::Phase;
use super::input::Recorded;
use super::journal::EpochRecord;
use super::pipeline::Pipeline;
use super::schedule::Schedule;
use super::snapshot::{Snapshots, check_input, pin};
use super::store::{Manifest, PartitionMark};
use crate::error::{Error, ErrorKind, Result};
use crate::state::SavedState;
use crate::time::PartitionStatus;

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
        if self.journal.is_some() && self.manifest().is_none() {
            pin(&self.log, &self.input_pins())?;
        }
        let inputs = self.inputs.iter();
        let inputs: Vec<_> = inputs
            .map(|i| (i.partitions.len(), i.source.discovery_interval()))
            .collect();
        self.schedule = Schedule::new(self.limits, &inputs, self.now());
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
            s.trouble = None;
            s.epoch = epoch;
            s.replayed = replayed;
        });
        Ok(())
    }

    /// Restores the newest snapshot and runs the epochs since again, without output. The number of those.
    fn restore_and_replay(&mut self) -> Result<u64> {
        let manifest = self.manifest().cloned();
        let after = manifest.as_ref().map_or(0, |m| m.epoch);
        let records = match &self.journal {
            Some(journal) => journal.since(after)?,
            None => Vec::new(),
        };
        if manifest.is_some() || !records.is_empty() {
            self.resume_inputs(manifest.as_ref(), &records)?;
        }
        if let Some(manifest) = &manifest {
            self.restore(manifest)?;
        }
        for record in &records {
            self.replay(record)?;
        }
        if self.epoch > 0 {
            check_input(&self.log, &self.input_pins())?;
        }
        for input in &mut self.inputs {
            input.discover()?;
        }
        Ok(records.len() as u64)
    }

    /// Hands the sources what was recorded of their partitions: in the snapshot, and in the epochs since.
    fn resume_inputs(
        &mut self,
        manifest: Option<&Manifest>,
        records: &[EpochRecord],
    ) -> Result<()> {
        for (i, input) in self.inputs.iter_mut().enumerate() {
            let marked = manifest.and_then(|m| m.partitions.get(i)).into_iter();
            let new = records.iter().filter_map(|r| r.partitions.get(i)).flatten();
            let marks = marked
                .flatten()
                .cloned()
                .chain(new.map(PartitionMark::from));
            let mut known: Vec<Recorded> = marks.map(Recorded::new).collect();
            let steps = records.iter().flat_map(|r| &r.steps);
            for range in steps.filter_map(|s| s.get(i)).flatten() {
                if let Some(known) = known.get_mut(range.partition as usize) {
                    known.reached = range.to;
                }
            }
            let saved = manifest.and_then(|m| m.trackers.get(i));
            let mut times = saved.cloned().unwrap_or_default();
            for change in records.iter().filter_map(|r| r.trackers.get(i)) {
                times.apply(change)?;
            }
            for (known, time) in known.iter_mut().zip(&times.partitions) {
                known.ended = time.status == PartitionStatus::Ended;
            }
            input.resume(known)?;
        }
        Ok(())
    }

    fn restore(&mut self, manifest: &Manifest) -> Result<()> {
        if manifest.digest != self.digest || manifest.shards != self.shards {
            let text = format!(
                "the stored state of '{}' belongs to another query",
                self.name
            );
            return Err(Error::new(ErrorKind::Conflict, text));
        }
        let mut saved = SavedState::default();
        if let Some(store) = self.snapshots.as_ref().and_then(Snapshots::store) {
            for delta in store.deltas() {
                saved.overlay(&delta?)?;
            }
        }
        for (input, state) in self.inputs.iter_mut().zip(&manifest.trackers) {
            input.tracker.restore(state.clone());
            input.recorded_time = state.clone();
        }
        let times: Vec<_> = self.inputs.iter().map(|i| i.tracker.time()).collect();
        self.circuit.restore(&saved, &times)?;
        self.epoch = manifest.epoch;
        Ok(())
    }

    /// Runs one recorded epoch again.
    fn replay(&mut self, record: &EpochRecord) -> Result<()> {
        for (input, change) in self.inputs.iter_mut().zip(&record.trackers) {
            input.recorded_time.apply(change)?;
            input.tracker.begin_replay(&input.recorded_time)?;
        }
        self.circuit.begin(record.processing_time);
        for step in &record.steps {
            let mut chunks = Vec::with_capacity(step.len());
            for (input, ranges) in self.inputs.iter_mut().zip(step) {
                let mut reread = Vec::with_capacity(ranges.len());
                for range in ranges {
                    reread.push(input.reread(range)?);
                }
                chunks.push(reread);
            }
            let (rows, _) = self.rows_of(chunks)?;
            self.circuit
                .push(record.epoch, record.processing_time, &rows)?;
        }
        for input in &mut self.inputs {
            input.tracker.finish_replay(&input.recorded_time)?;
            input.kept.clear();
        }
        let times: Vec<_> = self.inputs.iter().map(|i| i.tracker.time()).collect();
        self.circuit
            .finish(record.epoch, record.processing_time, &times)?;
        self.epoch = record.epoch;
        Ok(())
    }
}
