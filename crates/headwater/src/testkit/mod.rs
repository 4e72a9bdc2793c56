//! Tests of pipelines: SQL run in memory on the caller's thread, without files, threads or sleeping, with a clock that
//! the test moves, and power cuts where it wants them. What runs is what `headwater run` runs; only who turns it differs.
//! The guide is docs/testing.md.

mod driver;
mod options;
mod output;
mod read;
mod record;

pub use driver::TestDriver;
pub use headwater_flow::ZBatch;
pub use headwater_flow::driver::Limits;
pub use headwater_log::simulation::{Faults, FaultyDisk};
pub use headwater_log::{ManualClock, Timestamp};
pub use options::TestOptions;
pub use output::{OutputRecord, rows_as_json};
pub use record::TestRecord;
