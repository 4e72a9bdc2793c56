//! What goes into the lowering and what comes out.

use std::sync::Arc;
use std::time::Duration;

use arrow::datatypes::SchemaRef;
use datafusion_expr::LogicalPlan;
use datafusion_physical_expr::PhysicalExpr;

use super::reasons::Reasons;
use crate::circuit::Circuit;
use crate::operator::Calc;
use crate::plan::{Explain, TableDef};

/// When a windowed query emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub enum Emit {
    /// Once, when the watermark closes the window.
    OnClose,
    /// Every change of the present state.
    Changes,
}

/// One output of a pipeline.
#[derive(Debug, Clone)]
pub struct OutputPlan {
    /// Name of the sink or view.
    pub name: String,
    /// The optimised plan.
    pub plan: LogicalPlan,
    /// When windows emit.
    pub emit: Emit,
    /// The output is a view: its content is kept as state, and what changes of it is handed on.
    pub view: bool,
    /// It is known which columns identify its rows, whatever the plan says; else the rows of a view that nothing
    /// identifies are counted.
    pub has_key: bool,
    /// The columns that must have a value.
    pub required: Vec<usize>,
    /// A row that nothing can be made of ends the pipeline; else it is kept in `<name>$errors`.
    pub fails: bool,
}

/// How plans are lowered.
#[derive(Clone)]
pub struct PlanOptions {
    /// The shards of keyed operators; part of the state's identity.
    pub shards: usize,
    /// The threads of the circuit.
    pub pool: Option<Arc<rayon::ThreadPool>>,
}

/// A table that a circuit reads: how its chunks become the rows of an input.
#[derive(Debug)]
pub struct ScanInput {
    /// The table.
    pub def: Arc<TableDef>,
    /// The columns to decode: physical ones, pruned to what is used, and metadata ones.
    pub schema: SchemaRef,
    /// For each column of `schema` its metadata key; `None`: physical.
    pub metadata: Vec<Option<String>>,
    /// The input's columns, numbered.
    pub rows: SchemaRef,
    /// From decoded columns to the input's columns; `None`: they are the same but for their names.
    pub prepare: Option<Calc>,
    /// The watermark after each row, a timestamp over the input's columns; `None`: nobody asks for event time.
    pub watermark: Option<Arc<dyn PhysicalExpr>>,
    /// The bound of a watermark of the form `column - INTERVAL …`.
    pub out_of_orderness: Duration,
    /// Whether rows are judged late downstream, so that they need a track.
    pub judged: bool,
    /// Says more of why a record is rejected whose columns cannot be computed.
    pub reasons: Reasons,
}

/// What is known of an output after lowering.
#[derive(Debug, Clone)]
pub struct OutputInfo {
    /// Name of the sink or view.
    pub name: String,
    /// The columns; of a view without a key the last one is [`ColumnDef::count`](crate::plan::ColumnDef::count).
    pub schema: SchemaRef,
    /// The operator because of which the output retracts rows; `None`: it only appends.
    pub updating: Option<String>,
    /// Columns that identify a row of the present state; `None`: only all of them together do.
    pub key: Option<Vec<usize>>,
    /// As [`OutputPlan::fails`].
    pub fails: bool,
    /// Says more of why a row cannot be computed.
    pub reasons: Reasons,
}

/// A lowered pipeline.
#[derive(Debug)]
pub struct Lowered {
    /// The inputs, in the circuit's order.
    pub inputs: Vec<ScanInput>,
    /// The circuit.
    pub circuit: Circuit,
    /// The outputs, in the circuit's order.
    pub outputs: Vec<OutputInfo>,
    /// Identifies plan, tables and shards: state of another digest is not this pipeline's.
    pub digest: String,
    /// The operators of each output as a tree, for EXPLAIN.
    pub explain: Explain,
}
