//! How rows run through a circuit: any number of pushes, then one finish, per epoch.

use arrow::array::UInt32Array;
use arrow::compute::max;
use rayon::prelude::*;

use super::apply::apply;
use super::graph::{Circuit, Feed, KeyedNode, NodeTime, Producer};
use crate::batch::ZBatch;
use crate::connector::{FailedRow, LateRow};
use crate::error::{Error, ErrorKind, Result};
use crate::operator::{EpochContext, Operator, Outbox};
use crate::time::{InputTime, Watermark};

/// What came out of a circuit.
#[derive(Debug, Default)]
pub struct Outcome {
    /// Per output its rows, in canonical order.
    pub outputs: Vec<Vec<ZBatch>>,
    /// Per output the rows on the way to it that no window could take.
    pub late: Vec<Vec<LateRow>>,
    /// Per output the rows on the way to it that nothing could be made of.
    pub failed: Vec<Vec<FailedRow>>,
    /// The earliest processing time, microseconds, at which an operator wants an epoch even without input.
    pub timer: Option<i64>,
}

/// The rows of a step so far.
struct Flow<'a> {
    inputs: &'a [Vec<ZBatch>],
    nodes: Vec<Vec<ZBatch>>,
}

impl Flow<'_> {
    fn of(&self, producer: Producer) -> &[ZBatch] {
        match producer {
            Producer::Input(i) => &self.inputs[i],
            Producer::Node(n) => &self.nodes[n],
        }
    }

    /// The chunks of feeds, in order.
    fn chunks<'b>(&'b self, feeds: &'b [Feed]) -> Vec<(&'b Feed, &'b ZBatch)> {
        let feeds = feeds.iter();
        let chunks = feeds.flat_map(|f| self.of(f.from).iter().map(move |b| (f, b)));
        chunks.filter(|(_, b)| b.num_rows() > 0).collect()
    }
}

/// Per shard and port the parts of each chunk, in order.
type Parts = Vec<Vec<Vec<ZBatch>>>;

/// The rows of a step at a node.
struct Routed {
    parts: Parts,
    /// What the strictest of them is judged by, where several producers meet.
    judged: Watermark,
    failed: Vec<FailedRow>,
}

impl Circuit {
    /// Sets the processing time of the epoch for what is computed before its rows are pushed: the computed columns and
    /// filters of inputs.
    pub fn begin(&self, processing_time: i64) {
        self.clock.set(processing_time);
    }

    /// Takes rows into the epoch: per input its chunks, in canonical order.
    ///
    /// # Errors
    /// `Invalid` for a computation that fails; the epoch must then be abandoned and the circuit restored.
    pub fn push(
        &mut self,
        epoch: u64,
        processing_time: i64,
        inputs: &[Vec<ZBatch>],
    ) -> Result<Outcome> {
        self.step(epoch, processing_time, inputs, None)
    }

    /// Ends the epoch with the inputs' times after all its rows.
    ///
    /// # Errors
    /// As [`Circuit::push`].
    pub fn finish(
        &mut self,
        epoch: u64,
        processing_time: i64,
        times: &[InputTime],
    ) -> Result<Outcome> {
        let none = vec![Vec::new(); self.inputs()];
        self.step(epoch, processing_time, &none, Some(times))
    }

    fn step(
        &mut self,
        epoch: u64,
        processing_time: i64,
        inputs: &[Vec<ZBatch>],
        finish: Option<&[InputTime]>,
    ) -> Result<Outcome> {
        if inputs.len() != self.inputs() || finish.is_some_and(|w| w.len() != self.inputs()) {
            return Err(Error::new(ErrorKind::Bug, "a circuit has other inputs"));
        }
        self.clock.set(processing_time);
        match self.pool.clone() {
            Some(pool) => pool.install(|| self.run(epoch, processing_time, inputs, finish)),
            None => self.run(epoch, processing_time, inputs, finish),
        }
    }

    fn run(
        &mut self,
        epoch: u64,
        processing_time: i64,
        inputs: &[Vec<ZBatch>],
        finish: Option<&[InputTime]>,
    ) -> Result<Outcome> {
        let mut outcome = Outcome {
            late: vec![Vec::new(); self.outputs()],
            failed: vec![Vec::new(); self.outputs()],
            ..Outcome::default()
        };
        let mut flow = Flow {
            inputs,
            nodes: vec![Vec::new(); self.nodes.len()],
        };
        if let Some(times) = finish {
            self.input_times.copy_from_slice(times);
        }
        for n in 0..self.nodes.len() {
            let Routed {
                parts,
                judged,
                failed,
            } = self.route(n, &flow)?;
            for output in &self.reaches[n] {
                outcome.failed[*output].extend_from_slice(&failed);
            }
            let time = &mut self.node_times[n];
            time.judged = time.judged.max(judged);
            let before = self.node_times[n].input.watermark();
            let mut context = EpochContext {
                epoch,
                processing_time,
                watermark_before: before,
                watermark: before,
            };
            let mut outboxes = self.push_node(n, &context, parts)?;
            if finish.is_some() {
                context.watermark = self.advance_input(n).watermark;
                self.finish_node(n, &context, &mut outboxes)?;
                self.advance(n);
            }
            for outbox in outboxes {
                flow.nodes[n].extend(outbox.rows);
                for output in &self.reaches[n] {
                    outcome.late[*output].extend_from_slice(&outbox.late);
                }
                outcome.timer = outcome.timer.into_iter().chain(outbox.timer).min();
            }
        }
        for (feeds, failures) in self.outputs.iter().zip(&mut outcome.failed) {
            let made = self.each(flow.chunks(feeds), |(feed, batch)| {
                let mut failed = Vec::new();
                Ok((apply(feed, batch, &mut failed)?, failed))
            })?;
            let mut rows = Vec::with_capacity(made.len());
            for (batch, failed) in made {
                rows.extend(batch.filter(|b| b.num_rows() > 0));
                failures.extend(failed);
            }
            outcome.outputs.push(rows);
        }
        Ok(outcome)
    }

    /// Runs a node's feeds and sends their rows to its shards.
    fn route(&self, n: usize, flow: &Flow<'_>) -> Result<Routed> {
        let node = &self.nodes[n];
        let (time, times) = (&self.node_times[n], self.times_into(n));
        let mut parts: Parts = vec![vec![Vec::new(); node.ports.len()]; node.shards.len()];
        let mut highest = Watermark::MIN;
        let mut failures = Vec::new();
        for (p, port) in node.ports.iter().enumerate() {
            let split = self.each(flow.chunks(&port.feeds), |(feed, batch)| {
                let mut failed = Vec::new();
                let Some(rows) = apply(feed, batch, &mut failed)? else {
                    return Ok((Vec::new(), Watermark::MIN, failed));
                };
                let (rows, judged) = judge(time, feed, &times, rows)?;
                Ok((port.exchange.split(rows)?, judged, failed))
            })?;
            for (chunk, judged, failed) in split {
                failures.extend(failed);
                highest = highest.max(judged);
                for (shard, part) in chunk.into_iter().enumerate() {
                    parts[shard][p].extend(part);
                }
            }
            // Rows of one input come in its order; those of shards, and of branches that read the same input, do not.
            let is_node = |f: &Feed| matches!(f.from, Producer::Node(_));
            let is_mixed = port.feeds.len() > 1 || port.feeds.iter().any(is_node);
            if port.ordered && is_mixed {
                for shard in &mut parts {
                    shard[p] = in_order(std::mem::take(&mut shard[p]))?;
                }
            }
        }
        Ok(Routed {
            parts,
            judged: highest,
            failed: failures,
        })
    }

    fn push_node(&mut self, n: usize, context: &EpochContext, parts: Parts) -> Result<Vec<Outbox>> {
        let parallel = self.pool.is_some();
        each_shard(&mut self.nodes[n], parallel, parts, |operator, ports| {
            let mut outbox = Outbox::default();
            for (port, batches) in ports.into_iter().enumerate() {
                for batch in batches {
                    operator.push(context, port, batch, &mut outbox)?;
                }
            }
            Ok(outbox)
        })
    }

    fn finish_node(
        &mut self,
        n: usize,
        context: &EpochContext,
        outboxes: &mut Vec<Outbox>,
    ) -> Result<()> {
        let parallel = self.pool.is_some();
        let pushed = std::mem::take(outboxes);
        *outboxes = each_shard(
            &mut self.nodes[n],
            parallel,
            pushed,
            |operator, mut outbox| {
                operator.finish(context, &mut outbox)?;
                Ok(outbox)
            },
        )?;
        Ok(())
    }

    /// Maps items on all threads, in order.
    fn each<T: Send, R: Send>(
        &self,
        items: Vec<T>,
        work: impl Fn(T) -> Result<R> + Sync + Send,
    ) -> Result<Vec<R>> {
        if self.pool.is_some() && items.len() > 1 {
            items.into_par_iter().with_max_len(1).map(work).collect()
        } else {
            items.into_iter().map(work).collect()
        }
    }
}

/// Where a node has several inputs, a row is judged by the slowest of the others too. Gives also what the strictest is
/// judged by.
fn judge(
    time: &NodeTime,
    feed: &Feed,
    times: &[InputTime],
    rows: ZBatch,
) -> Result<(ZBatch, Watermark)> {
    let own = time.producers.iter().position(|p| *p == feed.from);
    match (rows.track(), own) {
        (Some(track), Some(own)) if times.len() > 1 => {
            let track = time.input.judge(track, own, times);
            let highest = max(&track.bounds).map_or(Watermark::MIN, Watermark);
            Ok((rows.with_track(Some(track))?, highest))
        }
        _ => Ok((rows, Watermark::MIN)),
    }
}

/// Tracked rows of several batches in the order of their records, those of one record as they came.
fn in_order(batches: Vec<ZBatch>) -> Result<Vec<ZBatch>> {
    if batches.len() < 2 || batches.iter().any(|b| b.track().is_none()) {
        return Ok(batches);
    }
    let rows = ZBatch::concat(&batches)?;
    let Some(track) = rows.track() else {
        return Ok(batches);
    };
    let origins = track.origins.values();
    if origins.is_sorted() {
        return Ok(vec![rows]);
    }
    let mut places: Vec<u32> = (0..origins.len() as u32).collect();
    places.sort_by_key(|at| origins[*at as usize]);
    Ok(vec![rows.take(&UInt32Array::from(places))?])
}

fn each_shard<T: Send, R: Send>(
    node: &mut KeyedNode,
    parallel: bool,
    items: Vec<T>,
    work: impl Fn(&mut dyn Operator, T) -> Result<R> + Sync + Send,
) -> Result<Vec<R>> {
    let shards = &mut node.shards;
    if parallel && shards.len() > 1 {
        let pairs = shards.par_iter_mut().zip(items);
        pairs
            .with_max_len(1)
            .map(|(operator, item)| work(operator.as_mut(), item))
            .collect()
    } else {
        let pairs = shards.iter_mut().zip(items);
        pairs
            .map(|(operator, item)| work(operator.as_mut(), item))
            .collect()
    }
}
