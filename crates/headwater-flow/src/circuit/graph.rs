//! What a circuit consists of, and its snapshots.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use arrow::array::RecordBatch;
use rayon::ThreadPool;

use crate::error::Result;
use crate::operator::{Exchange, Operator, Stateless};
use crate::state::{FrozenState, Paged, SavedState, StateVisitor};
use crate::time::{Combiner, InputTime, Watermark};

/// What makes rows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Producer {
    /// An input of the circuit.
    Input(usize),
    /// A keyed node.
    Node(usize),
}

/// A way of rows: from a producer through stateless operators.
#[derive(Debug, Clone)]
pub struct Feed {
    /// Where the rows come from.
    pub from: Producer,
    /// What is done to them, in order.
    pub chain: Vec<Arc<dyn Stateless>>,
    /// What people call their columns.
    pub columns: Vec<String>,
}

/// An input of a keyed node; several feeds are a UNION ALL, in this order.
#[derive(Debug)]
pub struct Port {
    /// Where the rows come from.
    pub feeds: Vec<Feed>,
    /// Which shard gets them.
    pub exchange: Exchange,
    /// What comes of them depends on their order: those that several shards hand on are brought into that of the
    /// records that they came from.
    pub ordered: bool,
}

/// A stateful operator, one instance a shard.
pub struct KeyedNode {
    /// For EXPLAIN and metrics.
    pub name: String,
    /// Its inputs.
    pub ports: Vec<Port>,
    /// Its instances.
    pub shards: Vec<Box<dyn Operator>>,
}

impl fmt::Debug for KeyedNode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyedNode")
            .field("name", &self.name)
            .field("ports", &self.ports)
            .finish_non_exhaustive()
    }
}

/// A shared cell with the processing time of the epoch, microseconds: what `PROCTIME()` and `now()` read.
#[derive(Debug, Clone, Default)]
pub struct EpochClock(Arc<AtomicI64>);

impl EpochClock {
    /// The processing time of the present epoch.
    pub fn now(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set(&self, processing_time: i64) {
        self.0.store(processing_time, Ordering::Relaxed);
    }
}

/// Inputs, keyed nodes and outputs.
///
/// Invariants: nodes stand in topological order (a node feeds on inputs and earlier nodes only); every node has one
/// instance a shard; the watermark of an input never goes back.
#[derive(Debug)]
pub struct Circuit {
    pub(super) nodes: Vec<KeyedNode>,
    pub(super) outputs: Vec<Vec<Feed>>,
    /// Per node the outputs that its rows reach.
    pub(super) reaches: Vec<Vec<usize>>,
    pub(super) pool: Option<Arc<ThreadPool>>,
    pub(super) clock: EpochClock,
    /// Per input its time at the end of the last epoch.
    pub(super) input_times: Vec<InputTime>,
    /// Per node its time at the end of the last epoch.
    pub(super) node_times: Vec<NodeTime>,
    /// Per node the watermark of its input, for snapshots.
    watermarks: Paged<i64>,
}

/// The time of a keyed node.
#[derive(Debug, Clone)]
pub(super) struct NodeTime {
    /// What feeds the node, each once.
    pub(super) producers: Vec<Producer>,
    /// The watermark of its input.
    pub(super) input: Combiner,
    /// The highest bound of the epoch's rows, where several producers meet.
    pub(super) judged: Watermark,
    /// The time of its output.
    pub(super) output: InputTime,
}

/// Before any row.
const BEGINNING: InputTime = InputTime {
    watermark: Watermark::MIN,
    idle: false,
};

impl Circuit {
    /// A circuit; see the invariants. Without a pool everything runs on the caller's thread.
    pub fn new(
        inputs: usize,
        nodes: Vec<KeyedNode>,
        outputs: Vec<Vec<Feed>>,
        pool: Option<Arc<ThreadPool>>,
        clock: EpochClock,
    ) -> Self {
        let mut circuit = Self {
            reaches: vec![Vec::new(); nodes.len()],
            node_times: nodes.iter().map(NodeTime::new).collect(),
            input_times: vec![BEGINNING; inputs],
            watermarks: Paged::new(),
            nodes,
            outputs,
            pool,
            clock,
        };
        circuit.find_reaches();
        circuit
    }

    fn find_reaches(&mut self) {
        for (output, feeds) in self.outputs.iter().enumerate() {
            let mut next: Vec<Producer> = feeds.iter().map(|f| f.from).collect();
            while let Some(producer) = next.pop() {
                let Producer::Node(node) = producer else {
                    continue;
                };
                if !self.reaches[node].contains(&output) {
                    self.reaches[node].push(output);
                }
                let ports = &self.nodes[node].ports;
                next.extend(ports.iter().flat_map(|p| &p.feeds).map(|f| f.from));
            }
        }
    }

    /// The number of inputs.
    pub fn inputs(&self) -> usize {
        self.input_times.len()
    }

    /// The number of outputs.
    pub fn outputs(&self) -> usize {
        self.outputs.len()
    }

    /// The state that changed since the last call, or `all` of it. Microseconds: pages are moved, not copied, and
    /// encoded by whoever writes them.
    ///
    /// # Errors
    /// `Bug` only.
    pub fn freeze(&mut self, all: bool) -> Result<FrozenState> {
        FrozenState::freeze(all, |visitor| self.visit_state(visitor))
    }

    /// Takes the state of snapshots, and the times that the inputs had then.
    ///
    /// # Errors
    /// `Corrupt` if the state is not this circuit's.
    pub fn restore(&mut self, saved: &SavedState, times: &[InputTime]) -> Result<()> {
        saved.restore(|visitor| self.visit_state(visitor))?;
        for operator in self.nodes.iter_mut().flat_map(|n| &mut n.shards) {
            operator.restored()?;
        }
        self.input_times.copy_from_slice(times);
        self.watermarks.grow(self.nodes.len());
        for node in 0..self.nodes.len() {
            self.node_times[node] = NodeTime::new(&self.nodes[node]);
            let saved = InputTime {
                watermark: Watermark(*self.watermarks.get(node as u32)),
                idle: false,
            };
            let input = &mut self.node_times[node].input;
            input.advance(&[saved], Watermark::MIN);
            self.advance(node);
        }
        Ok(())
    }

    /// The present rows of the view that feeds output `output`, one batch a shard; `None` if it is not a view.
    ///
    /// # Errors
    /// `Bug` if the state cannot be read.
    pub fn contents(&self, output: usize) -> Result<Option<Vec<RecordBatch>>> {
        let [
            Feed {
                from: Producer::Node(node),
                ..
            },
        ] = self.outputs[output][..]
        else {
            return Ok(None);
        };
        let shards = self.nodes[node].shards.iter();
        shards.map(|s| s.contents()).collect()
    }

    fn visit_state(&mut self, visitor: &mut StateVisitor<'_>) -> Result<()> {
        visitor.column("watermarks", &mut self.watermarks)?;
        for (n, node) in self.nodes.iter_mut().enumerate() {
            for (s, operator) in node.shards.iter_mut().enumerate() {
                visitor.scope(format_args!("{n}/{s}"), |v| operator.visit_state(v))?;
            }
        }
        Ok(())
    }

    /// The times of what feeds a node, in the order of its producers.
    pub(super) fn times_into(&self, node: usize) -> Vec<InputTime> {
        let producers = self.node_times[node].producers.iter();
        let times = producers.map(|producer| match producer {
            Producer::Input(i) => self.input_times[*i],
            Producer::Node(n) => self.node_times[*n].output,
        });
        times.collect()
    }

    /// Brings a node's input up to what feeds it, and says its watermark.
    pub(super) fn advance_input(&mut self, node: usize) -> InputTime {
        let times = self.times_into(node);
        let NodeTime { input, judged, .. } = &mut self.node_times[node];
        let time = input.advance(&times, *judged);
        self.watermarks.grow(self.nodes.len());
        *self.watermarks.get_mut(node as u32) = time.watermark.0;
        time
    }

    /// Brings a node's input and output up to what feeds it.
    pub(super) fn advance(&mut self, node: usize) {
        let input = self.advance_input(node);
        self.node_times[node].judged = Watermark::MIN;
        let shards = self.nodes[node].shards.iter();
        let reached = shards.map(|s| s.watermark(input.watermark)).min();
        let output = &mut self.node_times[node].output;
        let reached = reached.unwrap_or(input.watermark);
        output.watermark = output.watermark.max(reached);
        output.idle = input.idle;
    }
}

impl NodeTime {
    fn new(node: &KeyedNode) -> Self {
        let mut producers = Vec::new();
        for feed in node.ports.iter().flat_map(|p| &p.feeds) {
            if !producers.contains(&feed.from) {
                producers.push(feed.from);
            }
        }
        Self {
            producers,
            input: Combiner::default(),
            judged: Watermark::MIN,
            output: BEGINNING,
        }
    }
}
