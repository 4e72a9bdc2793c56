//! How an epoch becomes durable. One commit is on its way to the disk while the next epoch is worked on.

use std::time::Instant;

use headwater_log::{Commit, Pending};

use super::control::{Control, Status};
use super::epoch::OpenEpoch;
use super::errors::Rejects;
use super::input::Input;
use super::journal::EpochRecord;
use super::pipeline::Pipeline;
use super::seam::stop_watch;
use crate::error::Result;

/// An epoch whose commit is on its way to the disk.
pub(super) struct InFlight {
    epoch: u64,
    pending: Option<Pending>,
    /// What to commit instead if another pipeline has kept rejected records meanwhile: the rest of the commit, and ours.
    again: Option<(Commit, Rejects)>,
    submitted: Instant,
    figures: Figures,
    control: Control,
}

/// What an epoch adds to the pipeline's figures once it is durable: one that is tried again counts once.
struct Figures {
    rows_in: u64,
    rows_out: u64,
    late: u64,
    rejected: u64,
    watermark: Option<i64>,
}

impl Figures {
    fn add_to(&self, status: &mut Status) {
        status.rows_in += self.rows_in;
        status.rows_out += self.rows_out;
        status.late += self.late;
        status.rejected += self.rejected;
        status.watermark = self.watermark;
    }
}

impl Drop for InFlight {
    /// Whoever opens the pipeline again after an error must find the epoch, or never see it. One that became durable is
    /// not done again, so it counts now.
    fn drop(&mut self) {
        match self.pending.take().map(Pending::wait) {
            Some(Ok(_)) => self.control.update(|s| self.figures.add_to(s)),
            Some(Err(error)) => {
                tracing::debug!(%error, epoch = self.epoch, "an epoch was not committed");
            }
            None => {}
        }
    }
}

impl Pipeline {
    /// Commits the epoch: output, late and rejected records, input ranges and clock. The epoch before must be durable
    /// by then, so one commit is on its way while the next epoch is worked on.
    pub(super) fn commit(&mut self, open: OpenEpoch) -> Result<()> {
        let epoch = self.epoch + 1;
        let mut commit = Commit::new();
        let mut rows_out = 0;
        for (output, rows) in self.outputs.iter_mut().zip(&open.outputs) {
            rows_out += rows.iter().map(|b| b.num_rows() as u64).sum::<u64>();
            output.sink.write(epoch, rows, &mut commit)?;
        }
        let (mut late, mut failed) = (0, 0);
        for output in &mut self.outputs {
            late += output.keep_late(&self.log, &mut commit)?;
            failed += output.keep_failed(&self.log, &mut commit)?;
        }
        if let Some(journal) = &self.journal {
            let record = EpochRecord {
                epoch,
                processing_time: open.processing_time,
                partitions: self.inputs.iter_mut().map(|i| i.record_new()).collect(),
                steps: open.steps,
                trackers: self
                    .inputs
                    .iter_mut()
                    .map(Input::record_time)
                    .collect::<Result<_>>()?,
            };
            commit = journal.record(&record, commit);
        }
        self.settle()?;
        let watermarks = self.inputs.iter().map(|i| i.tracker.time().watermark.0);
        let figures = Figures {
            rows_in: open.rows_in,
            rows_out,
            late,
            rejected: open.rejects.len() + failed,
            watermark: watermarks.min(),
        };
        self.in_flight = Some(self.submit(epoch, commit, open.rejects, figures)?);
        self.epoch = epoch;
        Ok(())
    }

    fn submit(
        &self,
        epoch: u64,
        mut commit: Commit,
        rejects: Rejects,
        figures: Figures,
    ) -> Result<InFlight> {
        let mut again = None;
        if !rejects.is_empty() {
            let rest = commit.clone();
            rejects.keep(&self.log, &mut commit)?;
            again = Some((rest, rejects));
        }
        let pending = (!commit.appends.is_empty()).then(|| self.log.submit(commit));
        Ok(InFlight {
            epoch,
            pending,
            again,
            submitted: stop_watch(),
            figures,
            control: self.control.clone(),
        })
    }

    /// Waits until the newest epoch is durable, and delivers it. Epochs settle by themselves, with the next one or
    /// before waiting.
    ///
    /// # Errors
    /// `Conflict` if another driver has committed the epoch; those of the log and of sinks.
    pub fn settle(&mut self) -> Result<()> {
        let Some(mut in_flight) = self.in_flight.take() else {
            return Ok(());
        };
        if let Some(pending) = in_flight.pending.take() {
            match (pending.wait(), in_flight.again.take()) {
                (Err(e), Some((rest, rejects))) => rejects.commit_again(&self.log, rest, e)?,
                (received, _) => received.map(drop)?,
            }
        }
        let latency = in_flight.submitted.elapsed();
        self.control.update(|s| in_flight.figures.add_to(s));
        for output in &mut self.outputs {
            output.sink.committed(in_flight.epoch)?;
        }
        self.control.update(|s| {
            s.epoch = in_flight.epoch;
            s.epochs += 1;
            s.note_commit(latency);
        });
        Ok(())
    }
}
