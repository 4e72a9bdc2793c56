//! From a DataFusion `LogicalPlan` to operators: the tables that plans scan, our own plan nodes, and the lowering.

mod node;
mod table;

pub use node::{WindowNode, WindowSpec};
pub use table::{Changes, ColumnDef, ColumnKind, StreamTable, TableDef, WatermarkDef};
