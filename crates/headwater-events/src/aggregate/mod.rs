//! Aggregates as pure deciders: a state that events evolve, and commands that decide new events from it.

mod decide;
mod execute;
mod load;
mod snapshot;
mod snapshots;
mod state;
mod states;

pub use decide::Decide;
pub use execute::{Execute, ExecuteError, Executed};
pub use load::Loaded;
pub use snapshot::{LogSnapshots, MemorySnapshots, NoSnapshots, Snapshot, Snapshots};
pub use snapshots::Snapshotting;
pub use state::{Source, State};
pub use states::{Boundary, States};
