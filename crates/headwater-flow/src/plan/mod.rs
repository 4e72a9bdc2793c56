//! From a DataFusion `LogicalPlan` to operators: the tables that plans scan, our own plan nodes, and the lowering.

mod explain;
mod lower;
mod measure;
mod names;
mod node;
mod table;

pub use explain::{Explain, ExplainNode, shown};
pub use lower::{
    Emit, Lowered, OutputInfo, OutputPlan, PlanOptions, Reasons, ScanInput, is_clock_function,
    lower, lower_measured, physical,
};
pub use measure::Measure;
pub use names::{quote, type_name};
pub use node::{WindowNode, WindowSpec};
pub use table::{Changes, ColumnDef, ColumnKind, StreamTable, TableDef, WatermarkDef};
