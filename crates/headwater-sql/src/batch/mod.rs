//! Queries as batches: DataFusion's engine over what is there now. Also the oracle that the engine is tested against,
//! so windows are expanded here by DataFusion's own functions, not by the engine's code.

mod clock;
mod execute;
mod lookup;
mod overflow;
mod past;
mod physical;
mod rejected;
mod source;
mod table;
mod window;

pub use execute::{Answer, analyze, execute, explain, run};
pub use source::SourceTables;
pub use table::Tables;
