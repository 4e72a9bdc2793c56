//! How a pipeline that was built anew takes the place of the one that ran meanwhile. It is one commit: what readers of the views
//! see is the difference between both, and what a restart finds is the state of the new one under the name of the old.

use headwater_log::{Commit, Offset};

use super::pipeline::Pipeline;
use super::snapshot::pin;
use super::store::{Manifest, Store};
use crate::batch::ZBatch;
use crate::connector::Sink;
use crate::error::{Error, ErrorKind, Result};

/// The sink of a pipeline that is built anew: nobody sees what it makes before it is complete.
#[derive(Debug)]
pub struct Muted;

impl Sink for Muted {
    fn write(&mut self, _: u64, _: &[ZBatch], _: &mut Commit) -> Result<()> {
        Ok(())
    }

    fn committed(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn recover(&mut self, _: u64) -> Result<()> {
        Ok(())
    }

    fn close(&mut self) -> Result<()> {
        Ok(())
    }
}

/// What a succession has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Succeeded {
    /// Rows that came, and rows that went.
    pub changes: u64,
    /// The epoch that it is.
    pub epoch: u64,
}

impl Pipeline {
    /// Takes the place of `old`, a durable pipeline of the same name and plan that nobody runs any more. This one keeps no
    /// journal, its sinks are [`Muted`], and it has read at least what `old` had.
    ///
    /// # Errors
    /// `Unsupported` if an output is no view, or input is gone that `old` had read; `Invalid` if a view that only grows would have to
    /// take rows back; `Conflict` if `old` went on meanwhile; those of the log and of sinks. Then `old` is as it was.
    pub fn succeed(mut self, mut old: Self) -> Result<Succeeded> {
        self.settle()?;
        old.settle()?;
        self.check_inputs(&old)?;
        let epoch = self.epoch.max(old.epoch) + 1;
        let (mut commit, mut changes) = (Commit::new(), 0);
        for (number, output) in old.outputs.iter_mut().enumerate() {
            let rows = old.circuit.supersede(number, &self.circuit)?;
            let rows = rows.ok_or_else(|| no_view(&old.name))?;
            changes += rows.iter().map(|b| b.num_rows() as u64).sum::<u64>();
            output.sink.write(epoch, &rows, &mut commit)?;
        }
        self.take_over(&old, epoch, commit)?;
        for output in &mut old.outputs {
            output.sink.committed(epoch)?;
            output.sink.close()?;
        }
        Ok(Succeeded { changes, epoch })
    }

    /// Saves the state of this pipeline as that of `old`, in one commit with what that changes.
    fn take_over(&mut self, old: &Self, epoch: u64, commit: Commit) -> Result<()> {
        let Some(journal) = &old.journal else {
            let text = format!("'{}' keeps no state that could be replaced", old.name);
            return Err(Error::new(ErrorKind::Unsupported, text));
        };
        for input in &mut self.inputs {
            input.record_time()?;
        }
        let end: Offset = journal.end()?;
        let inputs = self.inputs.iter();
        let manifest = Manifest {
            epoch,
            digest: self.digest.clone(),
            shards: self.shards,
            partitions: inputs.clone().map(|i| i.marks()).collect(),
            trackers: inputs.map(|i| i.recorded_time.clone()).collect(),
            clean: true,
            journal: end.0,
            ..Manifest::default()
        };
        let state = self.circuit.freeze(true)?.encode()?;
        let commit = journal.advance(Some(old.epoch), epoch, commit);
        Store::open(&self.log, &old.name)?.replace(manifest, state, commit)?;
        journal.trim(end)?;
        pin(&self.log, &self.input_pins())
    }

    /// What `old` was made from must still be there, and must have been read.
    fn check_inputs(&self, old: &Self) -> Result<()> {
        let is_same = (&self.name, &self.digest, self.shards, self.inputs.len())
            == (&old.name, &old.digest, old.shards, old.inputs.len());
        if !is_same || self.open.is_some() {
            let text = "a pipeline cannot take the place of another one";
            return Err(Error::new(ErrorKind::Bug, text));
        }
        for (new, old) in self.inputs.iter().zip(&old.inputs) {
            for before in &old.partitions {
                let now = new.partitions.iter().find(|p| p.name == before.name);
                let is_whole = now.is_some_and(|p| p.start <= before.start);
                if !is_whole {
                    return Err(gone(new.table(), &before.name));
                }
                if now.is_some_and(|p| p.next < before.next) {
                    let text = "a pipeline has read less than the one whose place it is to take";
                    return Err(Error::new(ErrorKind::Bug, text));
                }
            }
        }
        Ok(())
    }
}

fn no_view(name: &str) -> Error {
    let text = format!("'{name}' keeps no rows that others could be compared with");
    Error::new(ErrorKind::Unsupported, text)
}

fn gone(table: &str, partition: &str) -> Error {
    let text = format!(
        "'{table}' does not hold any more what was read of its partition {partition} in the first place"
    );
    Error::new(ErrorKind::Unsupported, text)
        .with_hint("what is made of records that are gone cannot be built anew")
}
