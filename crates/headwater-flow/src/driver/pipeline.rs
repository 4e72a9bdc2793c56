//! The doing half of the driver: what [`Schedule`] decides, this does.

use std::sync::Arc;
use std::time::Duration;

use arrow::array::RecordBatch;
use headwater_log::{Clock, CommitNumber, Log};
use rayon::ThreadPool;

use super::commit::InFlight;
use super::control::{Control, Phase};
use super::epoch::OpenEpoch;
use super::input::Input;
use super::journal::Journal;
use super::output::Output;
use super::schedule::{Action, Ending, Limits, Schedule};
use super::snapshot::{SnapshotOptions, Snapshots};
use crate::circuit::Circuit;
use crate::connector::{Chunk, Poll, Sink, Source};
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
    /// Whether late rows, and rows that nothing can be made of, are kept in topics; else they are only counted.
    pub keeps_late: bool,
    /// Time between snapshots, milliseconds.
    pub snapshot_interval_ms: i64,
    /// Whether snapshots are written on a thread of their own; if not, by whoever turns the pipeline, so that a
    /// simulation is deterministic.
    pub background: bool,
}

/// A pipeline: the one driver of its epochs.
///
/// # Durability
/// An epoch's output, its input ranges and its clock are one commit. What was acknowledged survives; a restart goes on
/// from the newest snapshot by replaying the recorded epochs, without emitting again.
pub struct Pipeline {
    pub(super) name: String,
    pub(super) log: Log,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) pool: Option<Arc<ThreadPool>>,
    pub(super) digest: String,
    pub(super) shards: usize,
    pub(super) inputs: Vec<Input>,
    pub(super) circuit: Circuit,
    pub(super) outputs: Vec<Output>,
    pub(super) journal: Option<Journal>,
    pub(super) snapshots: Option<Snapshots>,
    pub(super) schedule: Schedule,
    pub(super) limits: Limits,
    pub(super) epoch: u64,
    /// What the present epoch has polled and not stepped, per input.
    pub(super) polled: Vec<Vec<Chunk>>,
    pub(super) open: Option<OpenEpoch>,
    pub(super) in_flight: Option<InFlight>,
    /// The log's newest commit when it was last [woken](Pipeline::wake).
    round: CommitNumber,
    pub(super) control: Control,
}

/// The rows of a view as of an epoch.
#[derive(Debug, Clone)]
pub struct ViewContent {
    /// The epoch.
    pub epoch: u64,
    /// The rows, one batch a shard.
    pub rows: Vec<RecordBatch>,
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
                Some(Journal::open(&spec.log, &spec.name, &digest, spec.shards)?),
                Some(Snapshots::open(
                    &spec.log,
                    &spec.name,
                    SnapshotOptions {
                        interval_ms: spec.snapshot_interval_ms,
                        background: spec.background,
                        now: spec.clock.now().0,
                    },
                )?),
            ),
            false => (None, None),
        };
        let mut pipeline = Self {
            polled: inputs.iter().map(|_| Vec::new()).collect(),
            round: spec.log.last_commit(),
            name: spec.name,
            log: spec.log,
            clock: spec.clock,
            pool: spec.pool,
            digest,
            shards: spec.shards,
            inputs,
            circuit,
            outputs: outputs
                .map(|(info, sink)| Output::new(info, sink, spec.keeps_late))
                .collect(),
            journal,
            snapshots,
            schedule: Schedule::new(spec.limits, &[], 0),
            limits: spec.limits,
            epoch: 0,
            open: None,
            in_flight: None,
            control,
        };
        pipeline.recover()?;
        Ok(pipeline)
    }

    /// Runs until all inputs have ended or a stop is asked for.
    ///
    /// # Errors
    /// Whatever stops the pipeline; what was committed before is durable.
    pub fn run(&mut self) -> Result<Ending> {
        loop {
            match self.turn()? {
                Action::End(ending) => return Ok(ending),
                Action::Wait(timeout) => {
                    self.control.signal().wait(timeout);
                    self.wake();
                }
                _ => {}
            }
        }
    }

    /// Does one thing and says what it was. After [`Action::Wait`] the caller waits and then [wakes](Self::wake) it,
    /// after [`Action::End`] or an error nothing more happens. For tests that move the clock by hand;
    /// [`Pipeline::run`] is the usual way.
    ///
    /// # Errors
    /// As [`Pipeline::run`].
    pub fn turn(&mut self) -> Result<Action> {
        let done = self.act();
        let phase = match &done {
            Ok(Action::End(ending)) => Phase::Ended(*ending),
            Err(error) => Phase::Failed(error.to_string()),
            Ok(_) => return done,
        };
        self.control.update(|s| s.phase = phase);
        done
    }

    /// Whatever was read to its end may have more now.
    pub fn wake(&mut self) {
        self.round = self.log.last_commit();
        self.schedule.signalled();
    }

    fn act(&mut self) -> Result<Action> {
        if self.control.is_stopped() {
            self.schedule.stop();
        }
        let now = self.clock.now().0;
        let action = self.schedule.next(now);
        match action {
            Action::Poll { input, partition } => self.poll(input, partition, now)?,
            Action::Discover { input } => {
                let count = self.inputs[input].discover()?;
                self.schedule.grown(input, count);
            }
            Action::Step => self.step()?,
            Action::Finish => self.finish()?,
            Action::Wait(timeout) => return self.rest(timeout),
            Action::End(_) => self.end()?,
        }
        Ok(action)
    }

    fn poll(&mut self, i: usize, p: usize, now: i64) -> Result<()> {
        let bytes = self.limits.chunk_bytes;
        let input = &mut self.inputs[i];
        let partition = &mut input.partitions[p];
        let found = match input.source.poll(p as u32, partition.next, bytes) {
            Err(error) if error.kind() == ErrorKind::Unavailable => {
                return self.poll_failed(i, p, now, error);
            }
            found => found?,
        };
        let recovered = partition.retry.succeeded();
        match found {
            Poll::Ready(chunk) => {
                partition.next = chunk.range.to;
                partition.drained = None;
                self.schedule.ready(i, p, chunk.bytes(), now);
                self.polled[i].push(chunk);
            }
            Poll::Pending { retry_after } => {
                partition.drained.get_or_insert(now * 1_000);
                let retry_at = retry_after.map(|after| now + after.as_millis() as i64);
                self.schedule.pending(i, p, retry_at);
            }
            Poll::Ended => {
                partition.ended = true;
                self.schedule.ended(i, p);
            }
            Poll::Stopped => self.schedule.cut(i, p),
        }
        if recovered {
            self.control.update(|s| s.trouble = None);
        }
        Ok(())
    }

    /// A partition cannot be read now: it is tried again for a while, the others go on.
    fn poll_failed(&mut self, i: usize, p: usize, now: i64, error: Error) -> Result<()> {
        let partition = &mut self.inputs[i].partitions[p];
        let Some(at) = partition.retry.failed(now, self.limits.patience_ms) else {
            return Err(error);
        };
        self.schedule.failing(i, p, at);
        self.control.update(|s| s.trouble = Some(error.to_string()));
        Ok(())
    }

    /// The rows of the view that is output `output`. For tests; what others see of a view is its changelog.
    ///
    /// # Errors
    /// `Invalid` if the output is not a view.
    pub fn view(&self, output: usize) -> Result<ViewContent> {
        let not_a_view = || {
            let text = format!("output {output} of '{}' is not a view", self.name);
            Error::new(ErrorKind::Invalid, text)
        };
        Ok(ViewContent {
            epoch: self.epoch,
            rows: self.circuit.contents(output)?.ok_or_else(not_a_view)?,
        })
    }

    /// Before waiting everything is made durable. The wait ends when a snapshot is due: who waits for long must not keep
    /// the log from giving up what it has read.
    fn rest(&mut self, timeout: Option<Duration>) -> Result<Action> {
        self.settle()?;
        self.snapshot_if_due()?;
        let round = self.round.0;
        self.control.update(|s| s.caught_up = round);
        let until = timeout.into_iter().chain(self.until_snapshot());
        Ok(Action::Wait(until.min()))
    }

    fn end(&mut self) -> Result<()> {
        self.settle()?;
        self.final_snapshot()?;
        self.outputs.iter_mut().try_for_each(|o| o.sink.close())
    }

    /// Its newest epoch; the commit of that may still be on its way.
    pub fn epoch(&self) -> u64 {
        self.epoch
    }

    /// What the pipeline's owner speaks to it through.
    pub fn control(&self) -> &Control {
        &self.control
    }

    pub(super) fn now(&self) -> i64 {
        self.clock.now().0
    }
}
