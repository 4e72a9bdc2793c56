//! What happens within an epoch: polled chunks are decoded, judged by event time and pushed through the circuit, and at
//! its end the circuit learns how far time has come. Then the epoch is committed.

use std::sync::Arc;

use super::errors::{Rejected, Rejects};
use super::pipeline::Pipeline;
use crate::batch::ZBatch;
use crate::connector::{Chunk, FailedRow, LateRow, Range};
use crate::error::{Error, ErrorKind, Result};

/// An epoch that is being worked on.
pub(super) struct OpenEpoch {
    pub(super) processing_time: i64,
    pub(super) steps: Vec<Vec<Vec<Range>>>,
    pub(super) outputs: Vec<Vec<ZBatch>>,
    pub(super) rejects: Rejects,
    pub(super) rows_in: u64,
}

impl Pipeline {
    /// Begins the epoch if there is none open.
    fn begin(&mut self) {
        if self.open.is_some() {
            return;
        }
        for input in &mut self.inputs {
            input.tracker.begin_epoch();
        }
        let processing_time = self.clock.now().0 * 1_000;
        self.circuit.begin(processing_time);
        self.open = Some(OpenEpoch {
            processing_time,
            steps: Vec::new(),
            outputs: self.outputs.iter().map(|_| Vec::new()).collect(),
            rejects: Rejects::default(),
            rows_in: 0,
        });
    }

    pub(super) fn step(&mut self) -> Result<()> {
        self.begin();
        let mut chunks: Vec<Vec<Chunk>> = self.polled.iter_mut().map(std::mem::take).collect();
        for of_input in &mut chunks {
            of_input.sort_by_key(|c| (c.range.partition, c.range.from));
        }
        let ranges = chunks
            .iter()
            .map(|c| c.iter().map(|c| c.range.clone()).collect())
            .collect();
        let (rows, rejected) = self.rows_of(chunks)?;
        let Some(open) = &mut self.open else {
            return Err(Error::new(ErrorKind::Bug, "a step outside of an epoch"));
        };
        for rejected in &rejected {
            open.rejects.add(&self.inputs, rejected)?;
        }
        open.steps.push(ranges);
        open.rows_in += rows
            .iter()
            .flatten()
            .map(|b| b.num_rows() as u64)
            .sum::<u64>();
        let outcome = self
            .circuit
            .push(self.epoch + 1, open.processing_time, &rows)?;
        for (kept, new) in open.outputs.iter_mut().zip(outcome.outputs) {
            kept.extend(new);
        }
        self.take_kept(outcome.late, outcome.failed)?;
        self.schedule.stepped();
        Ok(())
    }

    /// Decodes chunks and applies event time, in canonical order.
    pub(super) fn rows_of(
        &mut self,
        chunks: Vec<Vec<Chunk>>,
    ) -> Result<(Vec<Vec<ZBatch>>, Vec<Rejected>)> {
        let parallel = self.pool.is_some();
        let mut rows = Vec::with_capacity(chunks.len());
        let mut rejects = Vec::new();
        for (i, (input, chunks)) in self.inputs.iter_mut().zip(chunks).enumerate() {
            let reader = Arc::clone(&input.reader);
            let prepared = match &self.pool {
                Some(pool) => pool.install(|| reader.prepare(&chunks, parallel))?,
                None => reader.prepare(&chunks, parallel)?,
            };
            let mut batches = Vec::with_capacity(chunks.len());
            let keep = input.reader.scan.judged || prepared.iter().any(|p| !p.rejects.is_empty());
            for (chunk, mut prepared) in chunks.iter().zip(prepared) {
                let found = std::mem::take(&mut prepared.rejects);
                rejects.extend(found.into_iter().map(|reject| Rejected {
                    input: i,
                    partition: chunk.range.partition,
                    reject,
                }));
                batches.push(input.track(&chunk.range, prepared)?);
            }
            if keep {
                input.kept.extend(chunks);
            }
            rows.push(batches);
        }
        Ok((rows, rejects))
    }

    pub(super) fn finish(&mut self) -> Result<()> {
        self.begin();
        let Some(mut open) = self.open.take() else {
            return Ok(());
        };
        let now = open.processing_time;
        for input in &mut self.inputs {
            input.settle_partitions()?;
            input.tracker.finish_epoch(now);
        }
        let times: Vec<_> = self.inputs.iter().map(|i| i.tracker.time()).collect();
        let outcome = self.circuit.finish(self.epoch + 1, now, &times)?;
        for (kept, new) in open.outputs.iter_mut().zip(outcome.outputs) {
            kept.extend(new);
        }
        self.take_kept(outcome.late, outcome.failed)?;
        self.commit(open)?;
        let idle = self
            .inputs
            .iter()
            .filter_map(|i| i.tracker.next_idle_at())
            .min();
        let timer = outcome.timer.into_iter().chain(idle).min();
        self.schedule
            .set_timer(timer.map(|us| us.div_euclid(1_000) + 1));
        self.schedule.finished();
        for input in &mut self.inputs {
            input.kept.clear();
        }
        self.snapshot_if_due()
    }

    fn take_kept(&mut self, late: Vec<Vec<LateRow>>, failed: Vec<Vec<FailedRow>>) -> Result<()> {
        for ((output, late), failed) in self.outputs.iter_mut().zip(late).zip(failed) {
            output.take_late(late, &mut self.inputs);
            output.take_failed(failed, &self.inputs)?;
        }
        Ok(())
    }
}
