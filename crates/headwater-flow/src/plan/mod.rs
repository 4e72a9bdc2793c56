//! From a DataFusion `LogicalPlan` to operators: the tables that plans scan, our own plan nodes, and the lowering.

mod lower;
mod node;
mod table;

pub use lower::{
    Emit, Lowered, OutputInfo, OutputPlan, PlanOptions, ScanInput, is_clock_function, lower,
    physical,
};
pub use node::{WindowNode, WindowSpec};
pub use table::{Changes, ColumnDef, ColumnKind, StreamTable, TableDef, WatermarkDef};
