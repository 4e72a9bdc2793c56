//! The doing half of the driver: what [`Schedule`] decides, this does.

use std::sync::Arc;
use std::time::Instant;

use headwater_log::{Clock, Commit, CommitNumber, Log, Pending};
use rayon::ThreadPool;

use super::control::{Control, Phase, ViewContent};
use super::journal::{EpochRecord, Journal};
use super::output::Output;
use super::read::Input;
use super::schedule::{Action, Ending, Limits, Schedule};
use super::snapshot::Snapshots;
use crate::batch::ZBatch;
use crate::circuit::Circuit;
use crate::connector::{Chunk, Poll, Range, Sink, Source};
use crate::error::{Error, ErrorKind, Result};
use crate::plan::Lowered;

/// What a pipeline is made of.
pub struct PipelineSpec {
    /// Its name: what its journal and snapshots are kept under.
    pub name: String,
    /// The log that it commits to.
    pub log: Log,
    /// The clock.
    pub clock: Arc<dyn Clock>,
    /// The lowered plans.
    pub lowered: Lowered,
    /// One source an input, in the inputs' order.
    pub sources: Vec<Box<dyn Source>>,
    /// One sink an output, in the outputs' order.
    pub sinks: Vec<Box<dyn Sink>>,
    /// The shards of its state.
    pub shards: usize,
    /// The threads that decode, the same as the circuit's.
    pub pool: Option<Arc<ThreadPool>>,
    /// Bounds of steps and epochs.
    pub limits: Limits,
    /// Whether epochs are recorded, so that a later process goes on where this one stops.
    pub durable: bool,
    /// Time between snapshots, milliseconds.
    pub snapshot_interval_ms: i64,
}

/// A pipeline: the one driver of its epochs.
///
/// # Durability
/// An epoch's output, its input ranges and its clock are one commit. What was acknowledged survives; a restart goes on
/// from the newest snapshot by replaying the recorded epochs, without emitting again.
pub struct Pipeline {
    pub(super) name: String,
    pub(super) log: Log,
    clock: Arc<dyn Clock>,
    pub(super) pool: Option<Arc<ThreadPool>>,
    pub(super) digest: String,
    pub(super) shards: usize,
    pub(super) inputs: Vec<Input>,
    pub(super) circuit: Circuit,
    outputs: Vec<Output>,
    pub(super) journal: Option<Journal>,
    pub(super) snapshots: Option<Snapshots>,
    pub(super) schedule: Schedule,
    limits: Limits,
    pub(super) epoch: u64,
    /// What the present epoch has polled and not stepped, per input.
    polled: Vec<Vec<Chunk>>,
    open: Option<OpenEpoch>,
    in_flight: Option<InFlight>,
    pub(super) last_commit: CommitNumber,
    control: Control,
}

/// An epoch that is being worked on.
struct OpenEpoch {
    processing_time: i64,
    steps: Vec<Vec<Vec<Range>>>,
    outputs: Vec<Vec<ZBatch>>,
    rows_in: u64,
}

/// An epoch whose commit is on its way to the disk.
struct InFlight {
    epoch: u64,
    pending: Option<Pending>,
    submitted: Instant,
}

impl Pipeline {
    /// Opens a pipeline: restores its newest snapshot and replays the epochs since.
    ///
    /// # Errors
    /// `Conflict` if the stored state is another query's; `Corrupt` if it or the input to replay is damaged; those of
    /// sources and sinks.
    pub fn open(spec: PipelineSpec, control: Control) -> Result<Self> {
        let Lowered {
            inputs,
            circuit,
            outputs,
            digest,
            ..
        } = spec.lowered;
        if inputs.len() != spec.sources.len() || outputs.len() != spec.sinks.len() {
            return Err(Error::new(
                ErrorKind::Bug,
                "a pipeline has other sources or sinks than its plan",
            ));
        }
        let inputs = inputs.into_iter().zip(spec.sources).enumerate();
        let inputs = inputs.map(|(i, (scan, source))| Input::new(i, scan, source));
        let inputs = inputs.collect::<Result<Vec<_>>>()?;
        let outputs = outputs.into_iter().zip(spec.sinks);
        let (journal, snapshots) = match spec.durable {
            true => (
                Some(Journal::open(&spec.log, &spec.name, &digest)?),
                Some(Snapshots::open(
                    &spec.log,
                    &spec.name,
                    spec.snapshot_interval_ms,
                    spec.clock.now().0,
                )?),
            ),
            false => (None, None),
        };
        let mut pipeline = Self {
            polled: inputs.iter().map(|_| Vec::new()).collect(),
            last_commit: spec.log.last_commit(),
            name: spec.name,
            log: spec.log,
            clock: spec.clock,
            pool: spec.pool,
            digest,
            shards: spec.shards,
            inputs,
            circuit,
            outputs: outputs
                .map(|(info, sink)| Output::new(info, sink))
                .collect(),
            journal,
            snapshots,
            schedule: Schedule::new(spec.limits, &[]),
            limits: spec.limits,
            epoch: 0,
            open: None,
            in_flight: None,
            control,
        };
        pipeline.recover()?;
        Ok(pipeline)
    }

    /// Restores, replays, and gets ready for the first epoch.
    fn recover(&mut self) -> Result<()> {
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

    /// Runs until all inputs have ended or a stop is asked for.
    ///
    /// # Errors
    /// Whatever stops the pipeline; what was committed before is durable.
    pub fn run(&mut self) -> Result<Ending> {
        let mut round = self.log.last_commit();
        let ended = loop {
            match self.turn() {
                Ok(Action::End(ending)) => break Ok(ending),
                Ok(Action::Wait(timeout)) => {
                    self.control.update(|s| s.caught_up = round.0);
                    self.control.signal().wait(timeout);
                    round = self.log.last_commit();
                    self.schedule.signalled();
                }
                Ok(_) => {}
                Err(error) => break Err(error),
            }
        };
        self.control.update(|s| {
            s.phase = match &ended {
                Ok(ending) => Phase::Ended(*ending),
                Err(error) => Phase::Failed(error.to_string()),
            }
        });
        ended
    }

    /// Does one thing and says what it was; after [`Action::Wait`] the caller waits, after [`Action::End`] nothing
    /// more happens. For tests that move the clock by hand; [`Pipeline::run`] is the usual way.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn turn(&mut self) -> Result<Action> {
        if self.control.is_stopped() {
            self.schedule.stop();
        }
        let now = self.clock.now().0;
        let action = self.schedule.next(now);
        match action {
            Action::Poll { input, partition } => self.poll(input, partition, now)?,
            Action::Step => self.step()?,
            Action::Finish => self.finish()?,
            Action::Wait(_) => self.rest(now)?,
            Action::End(ending) => self.end(ending)?,
        }
        Ok(action)
    }

    fn poll(&mut self, i: usize, p: usize, now: i64) -> Result<()> {
        let input = &mut self.inputs[i];
        match input
            .source
            .poll(p as u32, input.next[p], self.limits.chunk_bytes)?
        {
            Poll::Ready(chunk) => {
                input.next[p] = chunk.range.to;
                input.drained[p] = None;
                self.schedule.ready(i, p, chunk_bytes(&chunk), now);
                self.polled[i].push(chunk);
            }
            Poll::Pending { retry_after } => {
                input.drained[p].get_or_insert(now * 1_000);
                let retry_at = retry_after.map(|after| now + after.as_millis() as i64);
                self.schedule.pending(i, p, retry_at);
            }
            Poll::Ended => {
                input.ended[p] = true;
                self.schedule.ended(i, p);
            }
            Poll::Stopped => self.schedule.cut(i, p),
        }
        Ok(())
    }

    /// Begins the epoch if there is none open.
    fn begin(&mut self) {
        if self.open.is_some() {
            return;
        }
        for input in &mut self.inputs {
            input.tracker.begin_epoch();
        }
        self.open = Some(OpenEpoch {
            processing_time: self.clock.now().0 * 1_000,
            steps: Vec::new(),
            outputs: self.outputs.iter().map(|_| Vec::new()).collect(),
            rows_in: 0,
        });
    }

    fn step(&mut self) -> Result<()> {
        self.begin();
        let mut chunks: Vec<Vec<Chunk>> = self.polled.iter_mut().map(std::mem::take).collect();
        for of_input in &mut chunks {
            of_input.sort_by_key(|c| (c.range.partition, c.range.from));
        }
        let ranges = chunks
            .iter()
            .map(|c| c.iter().map(|c| c.range.clone()).collect())
            .collect();
        let (rows, rejects) = self.rows_of(chunks)?;
        self.note_rejects(rejects)?;
        let Some(open) = &mut self.open else {
            return Err(Error::new(ErrorKind::Bug, "a step outside of an epoch"));
        };
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
        self.take_late(outcome.late)?;
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

    fn finish(&mut self) -> Result<()> {
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
        self.take_late(outcome.late)?;
        self.commit(&open)?;
        let idle = self
            .inputs
            .iter()
            .filter_map(|i| i.tracker.next_idle_at())
            .min();
        let timer = outcome.timer.into_iter().chain(idle).min();
        self.schedule
            .set_timer(timer.map(|us| us.div_euclid(1_000) + 1));
        self.schedule.finished();
        for (i, input) in self.inputs.iter_mut().enumerate() {
            input.kept.clear();
            input.discover(&[])?;
            self.schedule.grown(i, input.names.len());
        }
        self.snapshot_if_due()
    }

    /// Commits the epoch: output, late and damaged records, input ranges and clock. The epoch before must be durable
    /// by then, so one commit is on its way while the next epoch is worked on.
    fn commit(&mut self, open: &OpenEpoch) -> Result<()> {
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

    fn answer_views(&mut self) -> Result<()> {
        for request in self.control.take_views() {
            let content = self.view(request.output);
            // Whoever asked may have gone away meanwhile.
            drop(request.reply.send(content));
        }
        Ok(())
    }

    /// The rows of the view at `output` as of the newest epoch.
    ///
    /// # Errors
    /// `Invalid` if the output is not a view.
    pub fn view(&self, output: usize) -> Result<ViewContent> {
        let rows = self.circuit.contents(output)?;
        let not_a_view = || {
            Error::new(
                ErrorKind::Invalid,
                format!("output {output} of '{}' is not a view", self.name),
            )
        };
        Ok(ViewContent {
            epoch: self.epoch,
            commit: self.last_commit,
            rows: rows.ok_or_else(not_a_view)?,
        })
    }

    /// Before waiting: everything is made durable, questions are answered.
    fn rest(&mut self, _: i64) -> Result<()> {
        self.settle()?;
        self.answer_views()?;
        for (i, input) in self.inputs.iter_mut().enumerate() {
            input.discover(&[])?;
            self.schedule.grown(i, input.names.len());
        }
        Ok(())
    }

    fn end(&mut self, _: Ending) -> Result<()> {
        self.settle()?;
        self.final_snapshot()?;
        self.answer_views()?;
        self.outputs.iter_mut().try_for_each(|o| o.sink.close())
    }

    fn take_late(&mut self, late: Vec<Vec<crate::connector::LateRow>>) -> Result<()> {
        for (output, rows) in self.outputs.iter_mut().zip(late) {
            output.take_late(rows, &mut self.inputs);
        }
        Ok(())
    }

    fn note_rejects(&mut self, rejects: Vec<Rejected>) -> Result<()> {
        if rejects.is_empty() {
            return Ok(());
        }
        let count = rejects.len() as u64;
        super::errors::keep(&self.log, &self.inputs, rejects)?;
        self.control.update(|s| s.rejected += count);
        Ok(())
    }

    /// What the pipeline's owner speaks to it through.
    pub fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }
}

/// A record that did not decode, and where it was.
pub(super) struct Rejected {
    pub(super) input: usize,
    pub(super) partition: u32,
    pub(super) reject: crate::connector::Reject,
}

fn chunk_bytes(chunk: &Chunk) -> usize {
    use crate::connector::Payload;
    match &chunk.payload {
        Payload::Bytes(bytes) => bytes.len(),
        Payload::Log(batches) => batches.iter().map(|b| b.bytes().len()).sum(),
        Payload::Rows(rows) => rows.get_array_memory_size(),
        Payload::Generated => (chunk.range.to - chunk.range.from) as usize * 128,
    }
}

/// For the figures only: nothing that a pipeline does depends on it.
fn instant() -> Instant {
    Instant::now()
}
