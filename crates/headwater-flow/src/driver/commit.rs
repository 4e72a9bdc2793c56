//! How an epoch becomes durable. One commit is on its way to the disk while the next epoch is worked on.

use std::time::Instant;

use headwater_log::{Commit, Pending};

use super::epoch::OpenEpoch;
use super::journal::EpochRecord;
use super::pipeline::Pipeline;
use crate::error::Result;

/// An epoch whose commit is on its way to the disk.
pub(super) struct InFlight {
    epoch: u64,
    pending: Option<Pending>,
    submitted: Instant,
}

impl Pipeline {
    /// Commits the epoch: output, late and damaged records, input ranges and clock. The epoch before must be durable
    /// by then, so one commit is on its way while the next epoch is worked on.
    pub(super) fn commit(&mut self, open: &OpenEpoch) -> Result<()> {
        let epoch = self.epoch + 1;
        let mut commit = Commit::new();
        let mut rows_out = 0;
        for (output, rows) in self.outputs.iter_mut().zip(&open.outputs) {
            rows_out += rows.iter().map(|b| b.num_rows() as u64).sum::<u64>();
            output.sink.write(epoch, rows, &mut commit)?;
        }
        let mut late = 0;
        for output in &mut self.outputs {
            late += output.keep_late(&self.log, &mut commit)?;
        }
        if let Some(journal) = &self.journal {
            let record = EpochRecord {
                epoch,
                processing_time: open.processing_time,
                steps: open.steps.clone(),
                trackers: self
                    .inputs
                    .iter()
                    .map(|i| i.tracker.state().clone())
                    .collect(),
            };
            commit = journal.record(&record, commit);
        }
        self.settle()?;
        let pending = (!commit.appends.is_empty()).then(|| self.log.submit(commit));
        self.in_flight = Some(InFlight {
            epoch,
            pending,
            submitted: instant(),
        });
        self.epoch = epoch;
        let watermark = self
            .inputs
            .iter()
            .map(|i| i.tracker.time().watermark.0)
            .min();
        self.control.update(|s| {
            s.rows_in += open.rows_in;
            s.rows_out += rows_out;
            s.late += late;
            s.watermark = watermark;
        });
        Ok(())
    }

    /// Waits until the newest epoch is durable, and delivers it.
    pub(super) fn settle(&mut self) -> Result<()> {
        let Some(in_flight) = self.in_flight.take() else {
            return Ok(());
        };
        if let Some(pending) = in_flight.pending {
            self.last_commit = pending.wait()?.number;
        }
        let latency = in_flight.submitted.elapsed();
        for output in &mut self.outputs {
            output.sink.committed(in_flight.epoch)?;
        }
        self.control.update(|s| {
            s.epoch = in_flight.epoch;
            s.epochs += 1;
            s.note_commit(latency);
        });
        self.answer_views()
    }

    pub(super) fn answer_views(&mut self) -> Result<()> {
        for request in self.control.take_views() {
            let content = self.view(request.output);
            // Whoever asked may have gone away meanwhile.
            drop(request.reply.send(content));
        }
        Ok(())
    }
}

/// For the figures only: nothing that a pipeline does depends on it.
fn instant() -> Instant {
    Instant::now()
}
